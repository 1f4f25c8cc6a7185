#pragma once

#include <sidestep/bus/producer.hpp>
#include <sidestep/bus/test_point.hpp>
#include <sidestep/operators/segment.hpp>

#include <vector>

namespace sidestep::detail {

/// Where values enter the part behind an observe_on.
template <class V>
struct ItemEntry {
  using Element = Item<V>;
  using Value = V;
  static constexpr std::size_t target = 0;
  SIDESTEP_INLINE static bool wants(const Item<V>&) { return true; }
  SIDESTEP_INLINE static Sequence number(const Item<V>& item) { return item.number; }
  SIDESTEP_INLINE static decltype(auto) value(const Item<V>& item) {
    return Storage<V>::load(*std::get_if<1>(&item.content));
  }
};

/// CPU time of the calling thread.
Nanoseconds thread_cpu_time() noexcept;

/// The part behind an observe_on, and its queue. In order, one worker at a time.
template <class V, class Part>
class Strand final : public Channel<V> {
 public:
  static constexpr std::size_t batch = 64;
  static constexpr bool wants_ticks = Part::wants_ticks;

  Strand(Executor& executor, std::size_t capacity, auto stages)
      : Channel<V>(executor, capacity), segment_(std::move(stages)), items_(batch) {}

  Segment<Part>& segment() noexcept { return segment_; }
  /// The pipeline has failed, and no thread is in it any more: its stages come to their end, and it keeps nothing.
  void put_down() noexcept {
    segment_.put_down();
    leave();
  }

  void run() noexcept override {
    // Not taken: one that waited for room has done it.
    if (this->gate_.enter() && this->backlog_.take()) work();
    this->gate_.leave();
  }

 private:
  void work() noexcept {
    const BusThread here;
    const WorkingFor whom(this->executor_);
    RunningHandler handler;
    handler.belongs_to(this->subscription_);
    std::uint64_t left = this->backlog_.ready();
    while (left > 0) {
      std::size_t taken = 0;
      if (this->stopped()) return leave();
      const std::uint64_t count = this->take(left, items_, taken);
      if (!handle(std::span<Item<V>>(items_).first(taken), left, handler)) return leave();
      left = this->backlog_.worked_off(count);
    }
  }

  /// It has stopped. What is left isn't handled, since nothing is ever taken after a gap, but it keeps nothing either.
  void leave() noexcept {
    // It may have been ended, or have completed, before it threw, so nobody else says that nothing more is to be waited
    // for.
    if (segment_.failed()) this->account_->given_up.store(true);
    if constexpr (Channel<V>::values_own) {
      for (Item<V>& item : items_) item.content = Mark{};
      this->leave_nothing();
    }
  }

  /// False: it failed, or nobody may be told any more.
  bool handle(std::span<Item<V>> items, std::uint64_t backlog, RunningHandler& handler) noexcept {
    if (items.empty()) return true;
    const Nanoseconds cpu = thread_cpu_time();
    Meter& meter = this->account_->meter;
    meter.max_backlog.raise(backlog);
    meter.delay.record(this->subscription_->clock().now() - items.front().stamp);
    // One at a time, although they were dequeued together: handlers here are slow, and room in the queue, a decider's
    // word and the look whether it was failed meanwhile must not wait for the next ones.
    for (Item<V>& item : items) {
      if (this->stopped()) return false;
      test_point(Point::item_taken, this->subscription_);
      const Mark* const mark = std::get_if<Mark>(&item.content);
      handler.essential = item.essential;
      if (mark != nullptr) {
        segment_.mark(*mark);
        if (this->retired() || segment_.failed()) return false;
        this->account_->mark_done();
      } else if (!value(item))
        return false;
      progressed(item.number, mark != nullptr && mark->kind == Mark::Kind::barrier);
    }
    meter.cpu_ns.add(static_cast<std::uint64_t>(thread_cpu_time() - cpu));
    return true;
  }

  bool value(Item<V>& item) noexcept {
    const auto account = [&](std::size_t) {
      // what it holds is let go before it counts as finished
      if constexpr (Channel<V>::values_own) item.content = Mark{};
      this->account_->finish();
    };
    if (segment_.over() || this->subscription_->ended_inside())
      account(1);  // it completed, or its own handler has ended it: what still comes is thrown away
    else {
      segment_.run(std::span<const Item<V>>(&item, 1), account);
      if (this->retired() || segment_.failed()) return false;
      if (segment_.over())
        this->over_behind_.store(true, std::memory_order_release);  // pairs with push(): no more values, please
    }
    return true;
  }

  /// At a barrier the word is stored in every mode: the checkpoint's list of requests waits for it.
  void progressed(Sequence number, bool barrier) noexcept {
    Subscription& subscription = *this->subscription_;
    Decider* const decider = subscription.decider();
    if (decider == nullptr || subscription.decider_part() != index_ || segment_.over()) return;
    test_point(Point::word_observed, &subscription);
    decider->advance(number, barrier);
  }

 public:
  void bind_segment(Subscription& subscription, unsigned index, ChannelBase* next) {
    index_ = index;
    segment_.bind(subscription, index, this, next);
  }

 private:
  Segment<Part> segment_;
  std::vector<Item<V>> items_;
  unsigned index_ = 0;
};

}  // namespace sidestep::detail
