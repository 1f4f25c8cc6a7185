#pragma once

/// How a block goes from thread to thread: the part that runs at every barrier, and so is compiled into it.

#include <sidestep/kernels/emulation/block.hpp>

namespace sidestep::emulation::detail {

inline std::uint32_t BlockRunner::random(std::uint32_t below) {
  random_ = random_ * 6364136223846793005u + 1442695040888963407u;
  return static_cast<std::uint32_t>(((random_ >> 32) * below) >> 32);
}

inline void BlockRunner::make_ready(DeviceThread& thread) {
  thread.state = ThreadState::ready;
  // It changes places with one that waits already: the order is shuffled as it grows (Fisher-Yates, inside out).
  std::size_t last = ready_first_ + ready_count_;
  if (last >= count_) last -= count_;
  ++ready_count_;
  std::size_t other = ready_first_ + random(static_cast<std::uint32_t>(ready_count_));
  if (other >= count_) other -= count_;
  ready_[last] = ready_[other];
  ready_[other] = &thread;
}

inline DeviceThread* BlockRunner::next_ready() {
  if (ready_count_ == 0) return nullptr;
  DeviceThread* thread = ready_[ready_first_];
  ready_first_ = ready_first_ + 1 == count_ ? 0 : ready_first_ + 1;
  --ready_count_;
  return thread;
}

inline DeviceThread* BlockRunner::next_unstarted() { return begun_ < count_ ? &threads_[order_[begun_++]] : nullptr; }

inline Fiber& BlockRunner::fresh_fiber() {
  if (free_fibers_.empty()) {
    const Quiet quiet;
    fibers_.push_back(std::make_unique<Fiber>(&BlockRunner::fiber_main));
    return *fibers_.back();
  }
  Fiber& fiber = *free_fibers_.back();
  free_fibers_.pop_back();
  return fiber;
}

inline void BlockRunner::go_to(DeviceThread& thread) {
  thread.state = ThreadState::running;
  current_ = &thread;
  threadIdx = thread.index;
  Fiber& self = *running_;
  running_ = thread.fiber;
  if (running_ != &self) self.switch_to(*running_);
}

inline void BlockRunner::suspend(ThreadState state) {
  DeviceThread& self = *current_;
  self.state = state;
  if (DeviceThread* other = next_ready()) return go_to(*other);
  if (DeviceThread* other = next_unstarted()) {
    other->fiber = &fresh_fiber();
    return go_to(*other);
  }
  fail(cudaErrorLaunchFailure, [this] { return deadlock(); });
}

}  // namespace sidestep::emulation::detail
