#include <sidestep/operators/channel.hpp>

#include <sidestep/bus/test_point.hpp>
#include <sidestep/bus/wait_clock.hpp>
#include <sidestep/operators/stage.hpp>

#include <algorithm>
#include <string>
#include <thread>

namespace sidestep::detail {

namespace {
thread_local const Executor* working_for = nullptr;
}

WorkingFor::WorkingFor(const Executor& executor) noexcept : before_(std::exchange(working_for, &executor)) {}
WorkingFor::~WorkingFor() { working_for = before_; }

ChannelBase::ChannelBase(Executor& executor, std::size_t capacity) : executor_(executor), capacity_(capacity) {
  if (capacity == 0) throw OperatorError("observe_on: capacity must be at least 1");
}

void ChannelBase::bind(Subscription& subscription, bool ticks_behind) {
  subscription_ = &subscription;
  ticks_ = ticks_behind;
  overload_ = subscription.options().overload;
  subscription.add_queue(account_);
}

void ChannelBase::announce() noexcept {
  if (unannounced_ == 0) return;
  if (owns()) leave_nothing();
  if (!backlog_.announce(std::exchange(unannounced_, 0))) return;
  try {
    executor_.post(shared_from_this());
  } catch (const std::exception& error) {  // e.g. no thread is to be had: this pipeline's failure, nobody else's
    subscription_->fail(std::string("its executor takes no work: ") + error.what(), last_number_);
  } catch (...) {
    subscription_->fail("its executor takes no work", last_number_);
  }
}

bool ChannelBase::refresh() noexcept {
  // acquire: pairs with the strand's release after it has handled them
  done_seen_ = account_->finished.load(std::memory_order_acquire) +
               account_->marks_done.load(std::memory_order_acquire) + taken_back_;
  return pushed_ - done_seen_ < capacity_;
}

ChannelBase::Fate ChannelBase::fate(Sequence number) noexcept {
  refresh();
  const std::uint64_t waiting = pushed_ - done_seen_;
  if (overload_.policy == Overload::Policy::fail && waiting >= std::min<std::uint64_t>(overload_.bound, capacity_)) {
    subscription_->fail("it is overloaded: more than " + std::to_string(waiting) + " events wait in its queue.",
                        number);
    return Fate::failed;
  }
  if (overload_.policy != Overload::Policy::keep_every ||
      waiting < std::min<std::uint64_t>(overload_.bound, capacity_ - 1))
    return Fate::kept;
  if (++kept_of_ == overload_.n) {
    kept_of_ = 0;
    return Fate::kept;
  }
  account_->handed.add(1);
  account_->dropped.add(1);
  return Fate::dropped;
}

bool ChannelBase::wait_for_room() noexcept {
  announce();  // or the other side sleeps
  test_point(Point::queue_full, subscription_);
  const Nanoseconds deadline = subscription_->deadline().count();
  WaitClock slices;
  Nanoseconds waited = 0, slice = 1'000;
  std::uint64_t seen = done_seen_;
  while (!refresh()) {
    if (stopped()) return false;
    if (over_behind_.load(std::memory_order_acquire))
      return true;  // pairs with the strand's release; it only empties the queue
    if (done_seen_ != seen) seen = done_seen_, waited = 0;
    if (waited >= deadline) {
      const auto seconds = std::to_string(static_cast<double>(deadline) / 1e9);
      subscription_->fail("what stands behind its observe_on has not taken an event for " +
                              seconds.substr(0, seconds.find('.') + 3) + " s, and its queue is full.",
                          last_number_);
      return false;
    }
    // A thread of the executor that the other side waits for: if no other has begun there, it may be the last one. It
    // helps.
    if (working_for == &executor_ && backlog_.posted()) {
      run();
      continue;
    }
    if (slice < 20'000)
      std::this_thread::yield();
    else
      std::this_thread::sleep_for(std::chrono::nanoseconds(slice));
    account_->waits.add(1);
    waited += slices.slice();
    slice = std::min<Nanoseconds>(slice + slice / 4, 1'000'000);
  }
  return true;
}

bool ChannelBase::mark(const Mark& mark) noexcept {
  if (stopped() && mark.kind != Mark::Kind::cancel) return false;
  if (mark.kind == Mark::Kind::progress) {
    // An item with this number brings the word as far. Else it waits for room as a value does: nothing here is
    // unbounded.
    if (mark.number == last_number_ || over_behind_.load(std::memory_order_acquire))
      return true;  // pairs with the strand's release
    if (!has_room() && !wait_for_room()) return false;
  }
  if (mark.kind == Mark::Kind::tick) {
    // acquire: pairs with the strand's release. One tick at a time is enough.
    if (!ticks_ || account_->marks_done.load(std::memory_order_acquire) != account_->marks_pushed.get()) return true;
  }
  push_mark(mark);
  announce();
  return true;
}

void ChannelBase::fail(std::string error, Sequence number) noexcept {
  error_before_ = std::move(error);
  mark({.kind = Mark::Kind::cancel, .number = number, .cut = threw});
}

void ChannelBase::await_idle(std::chrono::nanoseconds longest) const noexcept {
  constexpr std::chrono::nanoseconds slice = std::chrono::microseconds(200);
  for (std::chrono::nanoseconds waited{0}; !gate_.empty() && waited < longest; waited += slice)
    std::this_thread::sleep_for(slice);
}

}  // namespace sidestep::detail
