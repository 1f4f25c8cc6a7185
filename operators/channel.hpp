#pragma once

#include <sidestep/bus/overload.hpp>
#include <sidestep/bus/pipeline.hpp>
#include <sidestep/bus/running.hpp>
#include <sidestep/bus/subscription.hpp>
#include <sidestep/operators/backlog.hpp>
#include <sidestep/operators/executor.hpp>
#include <sidestep/operators/inline.hpp>
#include <sidestep/operators/storage.hpp>

#include <concurrentqueue/concurrentqueue.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <utility>
#include <variant>
#include <vector>

namespace sidestep {

struct ObserveOptions {
  std::size_t capacity = 4096;  ///< values that may wait; then whoever hands them over waits too
};

namespace detail {

/// What travels through an observe_on: a value or a mark, with the number and time of the event that caused it.
template <class V>
struct Item {
  Sequence number = 0;
  Nanoseconds stamp = 0;
  std::variant<Mark, Stored<V>> content;
  bool essential = false;  ///< a value that no overload policy drops
};

/// The queue of a pipeline that wants the newest: who hands over takes the oldest values out again. Marks and essential
/// values stay.
template <class V>
class NewestQueue {
 public:
  /// True: an older value was dropped for it.
  bool push(Item<V>&& item, std::uint64_t most) {
    const std::lock_guard lock(mutex_);
    const bool full = may_drop(item) && values_ >= most;
    if (full) {
      items_.erase(std::find_if(items_.begin(), items_.end(), may_drop));
      --values_;
      ++skipped_;
    }
    values_ += may_drop(item) ? 1 : 0;
    items_.push_back(std::move(item));
    return full;
  }
  /// The next one of the `left` that were announced. Returns how many of those are done with: dropped ones count.
  std::size_t take(std::uint64_t left, Item<V>& into, std::size_t& taken) {
    const std::lock_guard lock(mutex_);
    const std::uint64_t skipped = std::min(skipped_, left);  // what isn't announced yet stays for the next time
    skipped_ -= skipped;
    taken = left > skipped && !items_.empty() ? 1 : 0;
    if (taken == 0) return skipped;
    values_ -= may_drop(items_.front()) ? 1 : 0;
    into = std::move(items_.front());
    items_.pop_front();
    return skipped + 1;
  }

  void clear() noexcept {
    const std::lock_guard lock(mutex_);
    items_.clear();
    values_ = skipped_ = 0;
  }

 private:
  static bool may_drop(const Item<V>& item) { return item.content.index() == 1 && !item.essential; }
  std::mutex mutex_;
  std::deque<Item<V>> items_;
  std::uint64_t values_ = 0;   // that may be dropped
  std::uint64_t skipped_ = 0;  // dropped, and not yet taken off the count of what was announced
};

/// One side hands over, the other works: the part of it that doesn't depend on the type of the values.
class ChannelBase : public Work {
 public:
  ChannelBase(Executor& executor, std::size_t capacity);

  void bind(Subscription& subscription, bool ticks_behind);
  /// Tells the other side of all that was handed over since. Once a batch.
  void announce() noexcept;
  /// The values own something, so that what is left of them when the pipeline failed is to go.
  virtual bool owns() const noexcept = 0;
  /// Passes a mark on, in order with the values. False: nothing more gets through.
  bool mark(const Mark& mark) noexcept;
  /// The part before it threw: what it handed over earlier still counts, then the pipeline fails.
  void fail(std::string error, Sequence number) noexcept;
  const std::string& error_before() const noexcept { return error_before_; }

  QueueAccount& account() noexcept { return *account_; }
  /// A mark that says `end` because a part in the middle completed by itself, not because the stream did.
  static constexpr std::uint64_t early = 1;
  /// A mark that says `cancel` because a part before threw.
  static constexpr std::uint64_t threw = 2;

  // what the two sides, and whoever destroys them, know of each other
  void retire() noexcept { gate_.retire(); }
  /// No thread is in its handlers.
  bool quiet() const noexcept { return gate_.empty(); }
  void await_idle(std::chrono::nanoseconds longest) const noexcept;

 protected:
  virtual void push_mark(const Mark& mark) = 0;

  bool has_room() noexcept {
    if (pushed_ - done_seen_ < capacity_) return true;
    return refresh();
  }
  bool refresh() noexcept;
  /// What is left in the queue when nothing more will be taken from it: it may hold payloads. The account stays as it
  /// is.
  virtual void throw_away() noexcept = 0;
  /// Who failed it, and who hands over meanwhile: one of them sees what the other did.
  void leave_nothing() noexcept {
    // seq_cst: pairs with itself on the other side, between what is enqueued, or failed, and the look at the other
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (stopped()) [[unlikely]]
      throw_away();
  }

  /// Waits until the other side has made room. False: it never will, or nothing more may be handed over.
  bool wait_for_room() noexcept;
  /// Failed for good: a gap would corrupt the state behind it.
  bool stopped() const noexcept {
    return retired() || subscription_->failed() || subscription_->decider_failed() || account_->given_up.load();
  }
  /// How many values wait: the overload policy's business. False: it fails the pipeline, or drops this value.
  enum class Fate : std::uint8_t { kept, dropped, failed };
  Fate fate(Sequence number) noexcept;
  bool keeps_newest() const noexcept {
    return overload_.policy == Overload::Policy::drop_oldest || overload_.policy == Overload::Policy::latest;
  }
  bool retired() const noexcept { return gate_.retired(); }

  Subscription* subscription_ = nullptr;
  std::shared_ptr<QueueAccount> account_ = std::make_shared<QueueAccount>();
  Executor& executor_;
  const std::size_t capacity_;
  bool ticks_ = false;
  Overload overload_{};

  // the side that hands over
  std::uint64_t pushed_ = 0, done_seen_ = 0, unannounced_ = 0;
  std::uint64_t taken_back_ = 0;  // of those pushed
  std::uint64_t kept_of_ = 0;     // keep_every: how many came since the last that was kept
  Sequence last_number_ = 0;
  std::string error_before_;  // written before its mark is enqueued, read when the mark arrives

  alignas(no_sharing) Backlog backlog_;
  Gate gate_;
  std::atomic<bool> over_behind_{false};  ///< release: the part behind completed; acquire: before each value
};

/// While it lives, the current thread works for this executor.
class WorkingFor {
 public:
  explicit WorkingFor(const Executor& executor) noexcept;
  ~WorkingFor();
  WorkingFor(const WorkingFor&) = delete;
  WorkingFor& operator=(const WorkingFor&) = delete;

 private:
  const Executor* before_;
};

template <class V>
class Channel : public ChannelBase {
 public:
  Channel(Executor& executor, std::size_t capacity)
      : ChannelBase(executor, capacity), queue_(std::min<std::size_t>(capacity, 256)), token_(queue_) {}

  /// Hands a value over. False: the stream is over for whoever hands over.
  SIDESTEP_APART bool push(const V& value, Nanoseconds stamp, Sequence number) {
    if (stopped()) return false;
    bool essential = false;
    // acquire: pairs with the strand's release. A pipeline of a checkpoint goes on here: its state mustn't depend on
    // when this is seen.
    if (over_behind_.load(std::memory_order_acquire)) return subscription_->options().saved;
    if (!overload_.lossless()) [[unlikely]] {
      if (const RunningHandler* const here = RunningHandler::current(); here == nullptr || !here->essential) {
        if (keeps_newest()) return push_newest(value, stamp, number);
        if (const Fate what = fate(number); what != Fate::kept) return what == Fate::dropped;
      } else
        essential = true;
    }
    if (!has_room() && !wait_for_room()) return false;
    Item<V> item{number, stamp, {}, essential};
    item.content.template emplace<1>(Storage<V>::store(value));
    enqueue(std::move(item));
    account_->handed.add(1);
    count(number);
    return true;
  }

  static constexpr bool values_own = !std::is_trivially_destructible_v<Stored<V>>;
  bool owns() const noexcept override { return values_own; }

 protected:
  void throw_away() noexcept override {
    if (keeps_newest()) return newest_.clear();
    for (Item<V> item; queue_.try_dequeue_from_producer(token_, item);) {
    }
  }
  void push_mark(const Mark& mark) override {
    enqueue(Item<V>{mark.number, mark.stamp, mark});
    account_->marks_pushed.add(1);
    count(mark.number);
  }
  void count(Sequence number) noexcept {
    ++pushed_;
    ++unannounced_;
    last_number_ = number;
  }

  bool push_newest(const V& value, Nanoseconds stamp, Sequence number) {
    Item<V> item{number, stamp, {}};
    item.content.template emplace<1>(Storage<V>::store(value));
    account_->handed.add(1);
    if (newest_.push(std::move(item), std::min<std::uint64_t>(overload_.bound, capacity_))) {
      ++taken_back_;
      account_->dropped.add(1);
    }
    count(number);
    return true;
  }
  void enqueue(Item<V>&& item) {
    if (keeps_newest())
      newest_.push(std::move(item), 0);
    else
      queue_.enqueue(token_, std::move(item));
  }
  /// Items that are to be handled, of the `left` that were announced; returns how many of those are done with by it.
  std::uint64_t take(std::uint64_t left, std::vector<Item<V>>& into, std::size_t& taken) {
    // one at a time: what waits may still be dropped
    if (keeps_newest()) return newest_.take(left, into.front(), taken);
    return taken =
               queue_.try_dequeue_bulk_from_producer(token_, into.begin(), std::min<std::uint64_t>(left, into.size()));
  }

  NewestQueue<V> newest_;  // of a pipeline that wants the newest, instead of the other
  moodycamel::ConcurrentQueue<Item<V>> queue_;
  moodycamel::ProducerToken
      token_;  // one for the queue's life: order within one producer is all that moodycamel promises
};

}  // namespace detail
}  // namespace sidestep
