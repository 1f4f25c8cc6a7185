#pragma once

#include <sidestep/bus/clock.hpp>

#include <algorithm>
#include <utility>

namespace sidestep {

/// How long somebody has waited, looked at slice by slice. Of the time between two looks no more than `most` counts: a
/// process that was suspended meanwhile fails nobody when it wakes, and a machine that has no core to spare gives who
/// is waited for more time.
class WaitClock {
 public:
  static constexpr Nanoseconds most = 2'000'000;  // twice the longest nap between two looks

  /// Since the last look.
  Nanoseconds slice() noexcept {
    const Nanoseconds now = Clock::steady();
    return std::min(now - std::exchange(seen_, now), most);
  }

 private:
  Nanoseconds seen_ = Clock::steady();
};

}  // namespace sidestep
