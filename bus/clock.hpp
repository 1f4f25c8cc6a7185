#pragma once

#include <sidestep/bus/types.hpp>

#include <atomic>
#include <chrono>

namespace sidestep {

/// A clock that a test moves by hand.
class ManualClock {
 public:
  explicit ManualClock(Nanoseconds now = 0) noexcept : now_(now) {}
  // relaxed throughout: a stamp orders nothing
  Nanoseconds now() const noexcept { return now_.load(std::memory_order_relaxed); }
  void set(Nanoseconds now) noexcept { now_.store(now, std::memory_order_relaxed); }
  void advance(Nanoseconds by) noexcept { now_.fetch_add(by, std::memory_order_relaxed); }

 private:
  std::atomic<Nanoseconds> now_;
};

/// The time that events are stamped with: a steady clock that begins at the system's time, or a test's own.
class Clock {
 public:
  explicit Clock(const ManualClock* manual = nullptr) noexcept : manual_(manual), offset_(since_epoch() - steady()) {}

  Nanoseconds now() const noexcept { return manual_ != nullptr ? manual_->now() : steady() + offset_; }
  bool manual() const noexcept { return manual_ != nullptr; }

  static Nanoseconds steady() noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }

 private:
  static Nanoseconds since_epoch() noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
  const ManualClock* manual_;
  Nanoseconds offset_;
};

}  // namespace sidestep
