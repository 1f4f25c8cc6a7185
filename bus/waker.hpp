#pragma once

#include <sidestep/bus/types.hpp>

#include <atomic>

namespace sidestep {

/// Ends somebody's nap. Used by those who wait and by those who have slept; publishing never calls it.
class Waker {
 public:
  /// Sleeps until wake() or for at most `nap`. A wake that came before ends it at once.
  void sleep(Nanoseconds nap) noexcept;
  void wake() noexcept;

 private:
  std::atomic<std::uint32_t> signal_{0};
};

}  // namespace sidestep
