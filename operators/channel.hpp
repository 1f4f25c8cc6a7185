#pragma once

#include <sidestep/bus/pipeline.hpp>
#include <sidestep/bus/subscription.hpp>
#include <sidestep/operators/executor.hpp>
#include <sidestep/operators/inline.hpp>
#include <sidestep/operators/storage.hpp>

#include <concurrentqueue/concurrentqueue.h>

#include <atomic>
#include <variant>

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
};

/// One side hands over, the other works: the part of it that doesn't depend on the type of the values.
/// `ready_` counts what was handed over and not worked off; whoever raises it from 0 posts the work, whoever brings it
/// to 0 is done: one word, so no wake-up is lost.
class ChannelBase : public Work {
 public:
  ChannelBase(Executor& executor, std::size_t capacity);

  void bind(Subscription& subscription, bool ticks_behind);
  /// Tells the other side of all that was handed over since. Once a batch.
  void announce() noexcept;
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
  void retire() noexcept {
    retired_.store(true, std::memory_order_seq_cst);
  }  // pairs with the strand's look after running_
  void await_idle(std::chrono::nanoseconds longest) const noexcept;

 protected:
  virtual void push_mark(const Mark& mark) = 0;

  bool has_room() noexcept {
    if (pushed_ - done_seen_ < capacity_) return true;
    return refresh();
  }
  bool refresh() noexcept;
  /// Waits until the other side has made room. False: it never will, or nothing more may be handed over.
  bool wait_for_room() noexcept;
  /// Failed for good: a gap would corrupt the state behind it.
  bool stopped() const noexcept { return retired() || subscription_->failed() || subscription_->decider_failed(); }
  bool retired() const noexcept { return retired_.load(std::memory_order_seq_cst); }

  Subscription* subscription_ = nullptr;
  std::shared_ptr<QueueAccount> account_ = std::make_shared<QueueAccount>();
  Executor& executor_;
  const std::size_t capacity_;
  bool ticks_ = false;

  // the side that hands over
  std::uint64_t pushed_ = 0, done_seen_ = 0, unannounced_ = 0;
  Sequence last_number_ = 0;
  std::string error_before_;  // written before its mark is enqueued, read when the mark arrives

  alignas(no_sharing) std::atomic<std::uint64_t> ready_{0};
  std::atomic<bool> posted_{false};       ///< somebody must run this; whoever takes the word back does
  std::atomic<bool> over_behind_{false};  ///< release: the part behind completed; acquire: before each value
  std::atomic<bool> retired_{false};
  std::atomic<int> running_{0};
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
    // acquire: pairs with the strand's release. A pipeline of a checkpoint goes on here: its state mustn't depend on
    // when this is seen.
    if (over_behind_.load(std::memory_order_acquire)) return subscription_->options().saved;
    if (!has_room() && !wait_for_room()) return false;
    Item<V> item{number, stamp, {}};
    item.content.template emplace<1>(Storage<V>::store(value));
    queue_.enqueue(token_, std::move(item));
    account_->handed.add(1);
    count(number);
    return true;
  }

 protected:
  void push_mark(const Mark& mark) override {
    queue_.enqueue(token_, Item<V>{mark.number, mark.stamp, mark});
    account_->marks_pushed.add(1);
    count(mark.number);
  }
  void count(Sequence number) noexcept {
    ++pushed_;
    ++unannounced_;
    last_number_ = number;
  }

  moodycamel::ConcurrentQueue<Item<V>> queue_;
  moodycamel::ProducerToken
      token_;  // one for the queue's life: order within one producer is all that moodycamel promises
};

}  // namespace detail
}  // namespace sidestep
