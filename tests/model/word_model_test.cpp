// A decider's word, its bell and its requests on their way to the trainer, in every interleaving that the memory model
// allows. The words, the bell and the decider that stores them are the real ones; the requests are plain data.
#include <sidestep/bus/decider.hpp>

#include <model/explorer.hpp>

#include <gtest/gtest.h>

#include <array>

namespace sidestep {
namespace {

using model::Atomics;
using model::Explorer;
using model::Program;
using model::Violation;

using ModelWord = BasicWord<Atomics>;
using ModelBell = BasicBell<Atomics>;
using ModelDecider = BasicDecider<Atomics>;
using ModelView = BasicWordView<Atomics>;

// Near the wrap of both fields of a word, as they are in a long run.
constexpr Sequence number_before = Watermark::number_mask - 1;
constexpr std::uint64_t made_before = Watermark::count_mask;

struct Lane {
  ModelWord word{Watermark::of(number_before, made_before)};
  ModelDecider decider{.word = &word,
                       .made = made_before,
                       .through = number_before,
                       .stored_made = made_before,
                       .stored_through = number_before};
  std::array<std::uint64_t, 2> requests{};  // a decider's own lane of the mailbox

  void ask(Explorer& explorer) {
    std::uint64_t& place = requests[decider.made - made_before];
    explorer.write_plain(&place);
    place = ++decider.made;
  }
};

/// What the trainer has taken of two deciders' requests: as many as their words count.
class Taker {
 public:
  Taker(Explorer& explorer, std::array<Lane, 2>& lanes) : explorer_(explorer), lanes_(lanes) {
    for (std::size_t i = 0; i < 2; ++i)
      views[i] = {&lanes[i].word, Watermark::of(number_before, made_before), made_before};
  }
  void take(std::size_t i, std::uint64_t more = 0) {
    for (std::uint64_t waiting = views[i].waiting() + more; waiting > 0; --waiting) {
      std::uint64_t& place = lanes_[i].requests.at(views[i].taken - made_before);
      explorer_.read_plain(&place);
      explorer_.check(place == ++views[i].taken, "a request that is counted isn't in the mailbox");
    }
  }
  std::uint64_t taken(std::size_t i) const { return views[i].taken - made_before; }
  std::array<ModelView, 2> views;

 private:
  Explorer& explorer_;
  std::array<Lane, 2>& lanes_;
};

enum class WordFault { none, word_before_request, taken_beyond_the_word };

/// Two deciders ask at each of `steps` events; the trainer waits for each event in both words and takes what they
/// cover.
std::uint64_t explore_words(Explorer::Options options, WordFault fault = WordFault::none, int steps = 2) {
  Explorer explorer(options);
  return explorer.run([&explorer, fault, steps] {
    auto lanes = std::make_shared<std::array<Lane, 2>>();
    const auto decide = [=, &explorer](std::size_t which) {
      Lane& lane = (*lanes)[which];
      for (int step = 1; step <= steps; ++step) {
        const Sequence number = number_before + static_cast<Sequence>(step);
        if (fault == WordFault::word_before_request) {
          ++lane.decider.made;
          lane.decider.advance(number);
          --lane.decider.made;
        }
        lane.ask(explorer);
        if (fault != WordFault::word_before_request) lane.decider.advance(number);
      }
    };
    return std::vector<std::function<void()>>{
        [=] { decide(0); }, [=] { decide(1); },
        [=, &explorer] {
          Taker trainer(explorer, *lanes);
          for (int step = 1; step <= steps; ++step)
            for (std::size_t i = 0; i < 2; ++i) {
              explorer.until([&] { return trainer.views[i].reached(number_before + static_cast<Sequence>(step)); });
              trainer.take(i, fault == WordFault::taken_beyond_the_word ? 1 : 0);
              explorer.check(trainer.taken(i) >= static_cast<std::uint64_t>(step), "a request was late");
            }
        }};
  });
}

const Program words_program([](const Explorer::Options& options) {
  return explore_words(options, WordFault::none, 1);
});

TEST(WordModel, EveryRequestIsThereWhenItsWordIsInEveryInterleaving) {
  const std::uint64_t executions = explore_words({.preemptions = 3});
  RecordProperty("executions", std::to_string(executions));
  EXPECT_GT(executions, 1000u);
}

TEST(WordModel, AWordBeforeItsRequestIsCaught) {
  EXPECT_THROW(explore_words({.preemptions = 2}, WordFault::word_before_request), Violation);
}
TEST(WordModel, ATakeThatGoesBeyondTheWordIsCaught) {
  EXPECT_THROW(explore_words({.preemptions = 2}, WordFault::taken_beyond_the_word), Violation);
}
TEST(WordModel, ARelaxedStoreOrLoadOfTheWordIsCaught) {
  EXPECT_THROW(explore_words({.preemptions = 2, .weak_stores = true}), Violation);
  EXPECT_THROW(explore_words({.preemptions = 2, .weak_loads = true}), Violation);
}

enum class BellFault { none, bell_before_word, looks_before_it_clears };

/// Relaxed mode: two deciders ring one bell behind their words; the trainer looks at the bell alone, and at the words
/// once it has cleared it, as LoopInside::busy does.
std::uint64_t explore_bell(Explorer::Options options, BellFault fault = BellFault::none, int steps = 2) {
  struct Shared {
    std::array<Lane, 2> lanes;
    ModelBell bell;
  };
  Explorer explorer(options);
  return explorer.run([&explorer, fault, steps] {
    auto shared = std::make_shared<Shared>();
    const auto decide = [=, &explorer](std::size_t which) {
      Lane& lane = shared->lanes[which];
      if (fault != BellFault::bell_before_word) lane.decider.bell = &shared->bell;
      for (int step = 1; step <= steps; ++step) {
        lane.ask(explorer);
        if (fault == BellFault::bell_before_word) shared->bell.ring();
        lane.decider.advance(number_before + static_cast<Sequence>(step));
      }
    };
    return std::vector<std::function<void()>>{
        [=] { decide(0); }, [=] { decide(1); },
        [=, &explorer] {
          Taker trainer(explorer, shared->lanes);
          const auto look = [&] {
            for (ModelView& view : trainer.views) view.look();
          };
          while (trainer.taken(0) + trainer.taken(1) < 2 * static_cast<std::uint64_t>(steps)) {
            explorer.until([&] { return shared->bell.rung(); });  // a step each
            if (fault == BellFault::looks_before_it_clears) look();
            shared->bell.clear();
            if (fault != BellFault::looks_before_it_clears) look();
            trainer.take(0), trainer.take(1);
          }
        }};
  });
}

const Program bell_program([](const Explorer::Options& options) { return explore_bell(options, BellFault::none, 1); });

TEST(BellModel, NoRequestIsLeftBehindInAnyInterleaving) {
  EXPECT_GT(explore_bell({.preemptions = 1}), 1000u);
  EXPECT_GT(explore_bell({.preemptions = 3}, BellFault::none, 1), 1000u);
}
TEST(BellModel, ABellBeforeTheWordIsCaught) {
  EXPECT_THROW(explore_bell({.preemptions = 2}, BellFault::bell_before_word), Violation);
}
TEST(BellModel, AWordReadBeforeTheBellIsClearedIsCaught) {
  EXPECT_THROW(explore_bell({.preemptions = 3}, BellFault::looks_before_it_clears, 1), Violation);
}
/// Of two plain stores the trainer reads the later, which carries nothing of what came before the other.
TEST(BellModel, ARingThatIsAPlainStoreIsCaught) {
  EXPECT_THROW(explore_bell({.preemptions = 2, .plain_modifications = true}), Violation);
}
TEST(BellModel, ARelaxedStoreOrLoadIsCaught) {
  EXPECT_THROW(explore_bell({.preemptions = 2, .weak_stores = true}), Violation);
  EXPECT_THROW(explore_bell({.preemptions = 2, .weak_loads = true}), Violation);
}

}  // namespace
}  // namespace sidestep
