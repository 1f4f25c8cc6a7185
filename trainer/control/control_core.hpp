#pragma once

#include <sidestep/bus/subscription.hpp>
#include <sidestep/trainer/control/control.hpp>
#include <sidestep/trainer/control/decide.hpp>

#include <concurrentqueue/concurrentqueue.h>

#include <array>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

namespace sidestep::detail {

class LoopInside;

/// One decision on its way to the trainer.
struct Request {
  Decision decision;
  Sequence cause = 0;       ///< number of the trainer's event that caused it
  std::uint64_t made = 0;   ///< which of its decider's requests: a gap is a hard error
  std::uint64_t count = 0;  ///< which of its pipeline's
  std::uint32_t asker = 0;
};
using Mailbox = moodycamel::ConcurrentQueue<Request>;

/// Up to eight words share a line on purpose: their writers pay, the trainer gets all of them in one transfer.
struct alignas(cache_line) WordLine {
  std::array<Word, 8> words{};
};
/// The first of them has the bell in it, so that a boundary of up to seven deciders reads this line alone, whatever the
/// mode. Relaxed, where the bell is all that it reads, loses nothing: a word moves there when the bell is rung too, and
/// otherwise hardly ever.
struct alignas(cache_line) BellLine {
  Bell bell;  ///< something waits: a word that counts new requests, or what has no word
  std::array<Word, 7> words{};
};
static_assert(sizeof(WordLine) == cache_line && sizeof(BellLine) == cache_line);

/// A decider, and its own lane in the mailbox. One token for each decider, never one for each thread: consecutive items
/// of a pipeline run on different threads of an arena, and its requests would come out of order.
struct DeciderEntry {
  DeciderEntry(Mailbox& mailbox, Word& word, Bell& bell, Subscription* owner) : token(mailbox), subscription(owner) {
    decider.word = &word;
    decider.bell = &bell;
  }
  Decider decider;
  moodycamel::ProducerToken token;
  Subscription* subscription;  ///< null: the inline deciders of the dispatcher together
  bool watched = false;        ///< the loop that is attached knows it; the loop's alone
};

/// One pipeline that decides. `count` belongs to the thread that runs its decide stage.
class Asker {
 public:
  Asker(ControlCore& core, DeciderEntry& decider, Subscription& subscription, std::uint32_t id)
      : core(core),
        decider(decider),
        subscription(subscription),
        key(subscription.key()),
        by(subscription.owner()),
        id(id) {}
  ControlCore& core;
  DeciderEntry& decider;
  Subscription& subscription;
  const std::string key, by;
  const std::uint32_t id;
  std::uint64_t count = 0;
  bool heard = false;  ///< a loop has taken a decision of its; the loop's alone
};

/// What pipelines, other threads and the loop share; outlives each of them.
class ControlCore {
 public:
  ControlCore();

  struct Outside {
    Decision decision;
    std::string by;
  };

  // pipelines: called while they are added
  std::shared_ptr<Asker> bind(Subscription& subscription, unsigned part);
  Asker* asker_of(const Subscription& subscription);

  // any thread
  void request(const Decision& decision, std::string_view by);
  void inject(const Metric& metric);
  void interrupt(const char* by) noexcept;
  /// Somebody closes the bus. From another thread than the loop's that is a Stop; true: wait until the loop has ended.
  bool ask_to_end();
  /// Behind what was put into the queues.
  void alarm() noexcept { first.bell.ring(); }

  // the loop
  /// Throws ControlError if there is one already, or if it is on another bus than this control.
  void attach(LoopInside& loop, std::uint64_t bus);
  void detach() noexcept;
  std::vector<DeciderEntry*> deciders();
  Asker& asker(std::uint32_t id);
  /// Pipelines that were added on other threads while the loop was attached: it takes them in at its next boundary.
  std::vector<std::shared_ptr<Asker>> take_joining();
  std::vector<std::shared_ptr<Asker>> askers();

  Mailbox mailbox{64};
  moodycamel::ConcurrentQueue<Outside> outside{8};
  moodycamel::ConcurrentQueue<Metric> injected{8};
  alignas(no_sharing) BellLine first;
  alignas(no_sharing) std::atomic<const char*> interrupted{nullptr};

 private:
  DeciderEntry& make_decider(Subscription* subscription);
  void stay_on(std::uint64_t bus);

  std::mutex mutex_;
  std::deque<WordLine> lines_;  ///< behind the first
  std::size_t words_ = 0;
  std::deque<DeciderEntry> deciders_;
  std::deque<std::shared_ptr<Asker>> askers_;
  std::vector<std::shared_ptr<Asker>> joining_;
  DeciderEntry* inline_ = nullptr;
  std::uint64_t bus_ = 0;  ///< the serial of the one that it is on; 0: none yet
  LoopInside* loop_ = nullptr;
  std::thread::id loop_thread_;
  bool asked_to_end_ = false;
};

}  // namespace sidestep::detail
