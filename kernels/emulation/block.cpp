#include <sidestep/kernels/emulation/block.hpp>

#include <cstdlib>
#include <utility>

#include <sidestep/kernels/emulation/block_switching.hpp>
#include <sidestep/kernels/emulation/report.hpp>
#include <sidestep/kernels/emulation/settings.hpp>

// What device code reads. Defined once, for the running thread of this OS thread.
thread_local constinit uint3 threadIdx{};
thread_local constinit uint3 blockIdx{};
thread_local constinit dim3 blockDim{};
thread_local constinit dim3 gridDim{};

namespace sidestep::emulation::detail {
thread_local constinit BlockRunner* runner = nullptr;

void BlockRunner::prepare(Launch& launch, std::uint64_t block) {
  launch_ = &launch;
  gridDim = launch.grid;
  blockDim = launch.block;
  blockIdx = {static_cast<unsigned>(block % launch.grid.x),
              static_cast<unsigned>(block / launch.grid.x % launch.grid.y),
              static_cast<unsigned>(block / launch.grid.x / launch.grid.y)};
  count_ = launch.block.x * launch.block.y * launch.block.z;
  random_ = mixed(launch.seed, block);
  begun_ = ready_first_ = ready_count_ = 0;
  waiting_ = ended_ = phase_ = 0;
  true_[0] = true_[1] = 0;
  failed_ = false;
  if (threads_.size() != count_) {
    threads_.assign(count_, {});
    ready_.assign(count_, nullptr);
    order_.resize(count_);
    warps_.resize((count_ + 31) / 32);
  }
  unsigned number = 0;
  for (unsigned z = 0; z < launch.block.z; ++z) {
    for (unsigned y = 0; y < launch.block.y; ++y) {
      for (unsigned x = 0; x < launch.block.x; ++x, ++number) {
        DeviceThread& thread = threads_[number];
        thread.index = {x, y, z};
        thread.number = number;
        thread.state = ThreadState::unstarted;
        thread.fiber = nullptr;
        order_[number] = number;
      }
    }
  }
  for (unsigned i = count_; i > 1; --i) std::swap(order_[i - 1], order_[random(i)]);
  for (std::size_t w = 0; w < warps_.size(); ++w) {
    const unsigned lanes = count_ - static_cast<unsigned>(w) * 32;
    warps_[w] = {.existing = lanes >= 32 ? 0xffffffffu : (1u << lanes) - 1};
  }
  shared_.begin_block(launch.dynamic_shared);
  if (under_thread_sanitizer()) {
    // Made on this stack: a fiber made by another would be ordered after what that one had done.
    while (free_fibers_.size() < count_) {
      fibers_.push_back(std::make_unique<Fiber>(&BlockRunner::fiber_main));
      free_fibers_.push_back(fibers_.back().get());
    }
    cells_ = static_cast<char*>(std::calloc(3 + 2 * warps_.size(), 8));
    tsan_release(start_cell());
  }
}

bool BlockRunner::run(Launch& launch, std::uint64_t block) {
  {
    const Quiet quiet;
    prepare(launch, block);
    main_.adopt_thread();
  }
  runner = this;
  running_ = &main_;
  DeviceThread* first = next_unstarted();
  first->fiber = &fresh_fiber();
  go_to(*first);
  runner = nullptr;

  const Quiet quiet;
  if (!failed_) {
    if (const std::string overrun = shared_.overrun(); !overrun.empty()) {
      failed_ = true;
      report_launch_error(launch, cudaErrorIllegalAddress, where_in_grid(launch) + " " + overrun + ".");
    }
  }
  shared_.end_block();
  std::free(std::exchange(cells_, nullptr));
  if (failed_) {
    // What other threads were doing is over: their fibers begin anew.
    free_fibers_.clear();
    for (auto& fiber : fibers_) {
      fiber->reset();
      free_fibers_.push_back(fiber.get());
    }
  }
  return !failed_;
}

void BlockRunner::fiber_main() {
  for (;;) runner->run_current();
}

void BlockRunner::run_current() {
  DeviceThread& thread = *current_;
  tsan_acquire(&launch_->begin);
  if (cells_) tsan_acquire(start_cell());
  bool threw = false;
  try {
    launch_->call->run(launch_->call);
  } catch (...) {
    threw = true;
  }
  if (threw) fail(cudaErrorLaunchFailure, [] { return where_am_i() + " threw a C++ exception."; });
  tsan_release(&launch_->end);
  thread.state = ThreadState::ended;
  thread.fiber = nullptr;
  ++ended_;
  warp_of(thread).ended |= 1u << (thread.number % 32);
  leave();
}

void BlockRunner::leave() {
  Fiber& self = *running_;
  if (DeviceThread* other = next_ready()) {
    free_fibers_.push_back(&self);
    go_to(*other);
    return;  // somebody gave this fiber a thread that begins
  }
  if (DeviceThread* other = next_unstarted()) {
    if (!under_thread_sanitizer()) {
      other->fiber = &self;
      other->state = ThreadState::running;
      current_ = other;
      threadIdx = other->index;
      return;
    }
    other->fiber = &fresh_fiber();
    free_fibers_.push_back(&self);
    go_to(*other);
    return;
  }
  if (ended_ != count_) fail(cudaErrorLaunchFailure, [this] { return deadlock(); });
  free_fibers_.push_back(&self);
  running_ = &main_;
  self.switch_to(main_);
}

void BlockRunner::yield() {
  if (ready_count_ == 0 && begun_ == count_) return;
  DeviceThread& self = *current_;
  DeviceThread* other = begun_ < count_ ? next_unstarted() : next_ready();
  if (other->state == ThreadState::unstarted) other->fiber = &fresh_fiber();
  make_ready(self);
  go_to(*other);
}

void BlockRunner::end_with(cudaError_t error, std::string&& sentence) {
  failed_ = true;
  {
    const std::string own = std::move(sentence);
    report_launch_error(*launch_, error, own);
  }
  Fiber& self = *running_;
  running_ = &main_;
  self.switch_to(main_);
  std::abort();  // nobody comes back here
}

bool BlockRunner::owns_guard(const void* address) const {
  for (const auto& fiber : fibers_) {
    if (fiber->owns_guard(address)) return true;
  }
  return false;
}

}  // namespace sidestep::emulation::detail
