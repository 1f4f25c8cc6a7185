// A decider's word, its bell and its requests on their way to the trainer, and the executor's count at close, in every interleaving that the
// memory model allows. The words are the real Watermark; who stores and loads them does so as Decider::advance, Watch and
// Dispatcher::try_close do.
#include <sidestep/bus/decider.hpp>

#include <model/explorer.hpp>

#include <gtest/gtest.h>

#include <array>

namespace sidestep {
namespace {

using model::Atomics;
using model::Explorer;
using model::Violation;

enum class Fault { none, word_before_request, taken_beyond_the_word };

/// Two deciders ask at each of `steps` events; the trainer waits for each event in both words and takes what they cover.
std::uint64_t explore_words(Explorer::Options options, Fault fault = Fault::none, int steps = 2) {
  struct Lane {
    std::uint64_t word = 0;
    std::array<int, 4> requests{};  // a decider's own lane of the mailbox
  };
  Explorer explorer(options);
  return explorer.run([&explorer, fault, steps] {
    auto lanes = std::make_shared<std::array<Lane, 2>>();
    const auto decide = [=, &explorer](int which) {
      Lane& lane = (*lanes)[static_cast<std::size_t>(which)];
      for (int step = 1; step <= steps; ++step) {
        const auto made = static_cast<std::uint64_t>(step);
        const auto ask = [&] {
          int& place = lane.requests[static_cast<std::size_t>(step - 1)];
          explorer.write_plain(&place);
          place = 10 * step + which;
        };
        const auto advance = [&] {
          // One near the wrap of both fields, as they are in a long run.
          const Sequence number = Watermark::number_mask - 1 + static_cast<Sequence>(step);
          Atomics::store(lane.word, Watermark::of(number, Watermark::count_mask + made).word, std::memory_order_release);
        };
        if (fault == Fault::word_before_request) advance(), ask();
        else ask(), advance();
      }
    };
    return std::vector<std::function<void()>>{
        [=] { decide(0); }, [=] { decide(1); },
        [=, &explorer] {
          std::array<std::uint64_t, 2> taken{Watermark::count_mask, Watermark::count_mask};
          for (int step = 1; step <= steps; ++step) {
            const Sequence need = Watermark::number_mask - 1 + static_cast<Sequence>(step);
            for (std::size_t i = 0; i < 2; ++i) {
              Lane& lane = (*lanes)[i];
              Watermark seen{};
              // The word that nobody has stored yet covers the event before the first.
              const auto look = [&] {
                const std::uint64_t word = Atomics::load(lane.word, std::memory_order_acquire);
                seen = word == 0 ? Watermark::of(Watermark::number_mask - 1, Watermark::count_mask) : Watermark{word};
                return seen.reached(need);
              };
              while (!look()) explorer.wait();
              std::uint64_t waiting = seen.beyond(taken[i]);
              if (fault == Fault::taken_beyond_the_word) ++waiting;
              for (; waiting > 0; --waiting, ++taken[i]) {
                int& place = lane.requests[static_cast<std::size_t>(taken[i] - Watermark::count_mask)];
                explorer.read_plain(&place);
                const int expected = 10 * static_cast<int>(taken[i] - Watermark::count_mask + 1) + static_cast<int>(i);
                explorer.check(place == expected, "a request that is counted isn't in the mailbox");
              }
              explorer.check(taken[i] - Watermark::count_mask >= static_cast<std::uint64_t>(step), "a request was late");
            }
          }
        }};
  });
}

TEST(WordModel, EveryRequestIsThereWhenItsWordIsInEveryInterleaving) {
  const std::uint64_t executions = explore_words({.preemptions = 2});
  RecordProperty("executions", std::to_string(executions));
  EXPECT_GT(executions, 1000u);
}

TEST(WordModel, AWordBeforeItsRequestIsCaught) {
  EXPECT_THROW(explore_words({.preemptions = 2}, Fault::word_before_request), Violation);
}
TEST(WordModel, ATakeThatGoesBeyondTheWordIsCaught) {
  EXPECT_THROW(explore_words({.preemptions = 2}, Fault::taken_beyond_the_word), Violation);
}
TEST(WordModel, ARelaxedStoreOrLoadOfTheWordIsCaught) {
  EXPECT_THROW(explore_words({.preemptions = 2, .weak_stores = true}), Violation);
  EXPECT_THROW(explore_words({.preemptions = 2, .weak_loads = true}), Violation);
}

enum class BellFault { none, bell_before_word, looks_before_it_clears, plain_store };

/// Relaxed mode: two deciders ring one bell behind their words; the trainer looks at the bell alone, and at the words once it has
/// cleared it. As Decider::ring and LoopInside::busy do.
std::uint64_t explore_bell(Explorer::Options options, BellFault fault = BellFault::none, int steps = 2) {
  struct Shared {
    std::array<std::uint64_t, 2> words{};
    std::uint64_t bell = 0;
    std::array<std::array<int, 2>, 2> requests{};
  };
  Explorer explorer(options);
  return explorer.run([&explorer, fault, steps] {
    auto shared = std::make_shared<Shared>();
    const auto decide = [=, &explorer](std::size_t which) {
      for (int step = 1; step <= steps; ++step) {
        int& place = shared->requests[which][static_cast<std::size_t>(step - 1)];
        explorer.write_plain(&place);
        place = step;
        const auto made = static_cast<std::uint64_t>(step);
        const auto word = [&] {
          Atomics::store(shared->words[which], Watermark::of(made, made).word, std::memory_order_release);
        };
        const auto ring = [&] {
          if (fault == BellFault::plain_store) Atomics::store(shared->bell, std::uint64_t{1}, std::memory_order_release);
          else Atomics::exchange(shared->bell, std::uint64_t{1}, std::memory_order_release);
        };
        if (fault == BellFault::bell_before_word) ring(), word();
        else word(), ring();
      }
    };
    return std::vector<std::function<void()>>{
        [=] { decide(0); }, [=] { decide(1); },
        [=, &explorer] {
          std::array<std::uint64_t, 2> taken{};
          while (taken[0] + taken[1] < 2 * static_cast<std::uint64_t>(steps)) {
            if (Atomics::load(shared->bell, std::memory_order_acquire) == 0) {
              explorer.wait();  // the next step
              continue;
            }
            std::array<Watermark, 2> seen{};
            const auto look = [&] {
              for (std::size_t i = 0; i < 2; ++i)
                seen[i] = Watermark{Atomics::load(shared->words[i], std::memory_order_acquire)};
            };
            if (fault == BellFault::looks_before_it_clears) look();
            Atomics::exchange(shared->bell, std::uint64_t{0}, std::memory_order_acquire);
            if (fault != BellFault::looks_before_it_clears) look();
            for (std::size_t i = 0; i < 2; ++i)
              for (; seen[i].beyond(taken[i]) > 0; ++taken[i]) {
                int& place = shared->requests[i][static_cast<std::size_t>(taken[i])];
                explorer.read_plain(&place);
                explorer.check(place == static_cast<int>(taken[i]) + 1, "a request that is counted isn't in the mailbox");
              }
          }
        }};
  });
}

TEST(BellModel, NoRequestIsLeftBehindInAnyInterleaving) {
  EXPECT_GT(explore_bell({.preemptions = 2}), 1000u);
  EXPECT_GT(explore_bell({.preemptions = 4}, BellFault::none, 1), 1000u);
}
TEST(BellModel, ABellBeforeTheWordIsCaught) {
  EXPECT_THROW(explore_bell({.preemptions = 2}, BellFault::bell_before_word), Violation);
}
TEST(BellModel, AWordReadBeforeTheBellIsClearedIsCaught) {
  EXPECT_THROW(explore_bell({.preemptions = 3}, BellFault::looks_before_it_clears, 1), Violation);
}
/// Of two plain stores the trainer reads the later, which carries nothing of what came before the other.
TEST(BellModel, ARingThatIsAPlainStoreIsCaught) {
  EXPECT_THROW(explore_bell({.preemptions = 2}, BellFault::plain_store), Violation);
}
TEST(BellModel, ARelaxedStoreOrLoadIsCaught) {
  EXPECT_THROW(explore_bell({.preemptions = 2, .weak_stores = true}), Violation);
  EXPECT_THROW(explore_bell({.preemptions = 2, .weak_loads = true}), Violation);
}

/// An executor handles one event, whose handler publishes another; the dispatcher closes. `rings_first`: it looks at the rings
/// before it looks whether the executor has finished.
std::uint64_t explore_close(Explorer::Options options, bool rings_first = false) {
  struct Shared {
    std::uint64_t sequence = 0, finished = 0;
    int body = 0;
  };
  Explorer explorer(options);
  return explorer.run([&explorer, rings_first] {
    auto shared = std::make_shared<Shared>();
    return std::vector<std::function<void()>>{
        [=, &explorer] {
          explorer.write_plain(&shared->body);  // the handler's event
          shared->body = 7;
          Atomics::store(shared->sequence, std::uint64_t{1}, std::memory_order_release);
          Atomics::store(shared->finished, std::uint64_t{1}, std::memory_order_release);
        },
        [=, &explorer] {
          bool there = false;
          const auto look = [&] { there = Atomics::load(shared->sequence, std::memory_order_acquire) == 1; };
          if (rings_first) look();
          while (Atomics::load(shared->finished, std::memory_order_acquire) != 1) explorer.wait();
          if (!rings_first) look();
          explorer.check(there, "an event was left behind");
          explorer.read_plain(&shared->body);
          explorer.check(shared->body == 7, "half an event");
        }};
  });
}

TEST(CloseModel, FirstTheExecutorThenTheRingsLeavesNothingBehind) { EXPECT_GT(explore_close({.preemptions = 4}), 5u); }
TEST(CloseModel, TheOtherOrderIsCaught) { EXPECT_THROW(explore_close({.preemptions = 4}, true), Violation); }
TEST(CloseModel, ARelaxedStoreOrLoadIsCaught) {
  EXPECT_THROW(explore_close({.preemptions = 4, .weak_stores = true}), Violation);
  EXPECT_THROW(explore_close({.preemptions = 4, .weak_loads = true}), Violation);
}

}  // namespace
}  // namespace sidestep
