#include <sidestep/kernels/emulation/stream.hpp>

#include <climits>
#include <cstdlib>
#include <utility>

#include <sidestep/kernels/emulation/calls.hpp>
#include <sidestep/kernels/emulation/capture.hpp>
#include <sidestep/kernels/emulation/protection.hpp>
#include <sidestep/kernels/emulation/report.hpp>
#include <sidestep/kernels/emulation/sanitizer.hpp>

#include "include/sidestep_emulation.h"

namespace sidestep::emulation::detail {

void Mark::complete() {
  nanoseconds = clock();
  tsan_release(&done_);
  // release: pairs with the acquires below
  __atomic_store_n(&done_, 1, __ATOMIC_RELEASE);
  futex_wake(&done_, INT_MAX);
}

void Mark::wait() {
  // acquire: pairs with the release in complete
  while (__atomic_load_n(&done_, __ATOMIC_ACQUIRE) == 0) futex_wait(&done_, 0);
  tsan_acquire(&done_);
}

bool Mark::done_and_seen() {
  // acquire: pairs with the release in complete
  if (__atomic_load_n(&done_, __ATOMIC_ACQUIRE) == 0) return false;
  tsan_acquire(&done_);
  return true;
}

void Operation::uses(const void* pointer, std::string what, bool strictly) {
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  if (!heap().in_range(address)) return;
  PointerUse use{address, heap().holding(address), std::move(what)};
  if (use.allocation.id != 0 || strictly) pointers_.push_back(std::move(use));
}

cudaError_t Operation::check_pointers(const std::string& in) const {
  for (const PointerUse& use : pointers_) {
    if (use.allocation.id != 0 && heap().alive(use.allocation)) continue;
    const std::string size = use.allocation.id == 0 ? "memory that was not allocated when it was given"
                                                    : "an allocation of " + std::to_string(use.allocation.bytes) +
                                                          " bytes that has been freed since it was given";
    report(use.what + " of " + name() + in + " is a stale pointer: " + hexadecimal(use.address) + " was in " + size +
           ".");
    return cudaErrorIllegalAddress;
  }
  return cudaSuccess;
}

namespace {

class Record final : public Operation {
 public:
  explicit Record(Ref<Mark> mark) : mark_(std::move(mark)) {}
  cudaError_t run(Stream&) override {
    mark_->complete();
    return cudaSuccess;
  }
  std::string name() const override { return "an event's record"; }
  bool always() const override { return true; }

 private:
  Ref<Mark> mark_;
};

class Wait final : public Operation {
 public:
  explicit Wait(Ref<Mark> mark) : mark_(std::move(mark)) {}
  cudaError_t run(Stream&) override {
    mark_->wait();
    return cudaSuccess;
  }
  std::string name() const override { return "a wait for an event"; }
  bool always() const override { return true; }

 private:
  Ref<Mark> mark_;
};

}  // namespace

void Stream::push(Ref<Operation> operation) {
  auto* sync = static_cast<char*>(std::malloc(1));
  tsan_release(sync);
  const RawLock lock(mutex_);
  entries_.push_back({std::move(operation), sync});
  ++pushed_;
  changed_.notify_all();
}

void Stream::main() {
  const Quiet quiet;
  ensure_signal_stack();
  mutex_.lock();
  for (;;) {
    changed_.wait(mutex_, [&] { return !entries_.empty() || finishing_; });
    if (entries_.empty()) break;
    {
      const Entry entry = std::move(entries_.front());
      entries_.pop_front();
      mutex_.unlock();
      tsan_acquire(entry.sync);
      std::free(entry.sync);
      if (entry.operation->always() || sticky_error() == cudaSuccess) {
        cudaError_t error = entry.operation->check_pointers("");
        if (error == cudaSuccess) error = entry.operation->run(*this);
        if (error != cudaSuccess) set_sticky_error(error);
      }
      tsan_release(&done_cell_);
    }
    mutex_.lock();
    ++done_;
    changed_.notify_all();
  }
  mutex_.unlock();
}

void Stream::synchronize() {
  {
    const RawLock lock(mutex_);
    const std::uint64_t until = pushed_;
    changed_.wait(mutex_, [&] { return done_ >= until; });
  }
  tsan_acquire(&done_cell_);
}

bool Stream::idle_and_seen() {
  {
    const RawLock lock(mutex_);
    if (done_ != pushed_) return false;
  }
  tsan_acquire(&done_cell_);
  return true;
}

void Stream::wait_for(const Ref<Mark>& mark) { push(Ref<Operation>(new Wait(mark))); }

Ref<Mark> Stream::mark() {
  Ref<Mark> made(new Mark);
  push(Ref<Operation>(new Record(made)));
  return made;
}

void Stream::finish() {
  if (!thread_.joinable()) return;
  {
    const RawLock lock(mutex_);
    finishing_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

}  // namespace sidestep::emulation::detail
