#pragma once

#include <sidestep/operators/inline.hpp>

#include <cmath>
#include <cstdint>

namespace sidestep::detail {

/// A sum to which numbers are added and from which they are taken away again, in twice the precision of a double
/// (Knuth's two-sum, TAOCP 4.2.2), so that a window may slide for ever. What isn't finite is counted apart: it is gone
/// when it has left.
class SlidingSum {
 public:
  SIDESTEP_INLINE void enter(double x) { std::isfinite(x) ? add(x) : odd(x, 1); }
  SIDESTEP_INLINE void leave(double x) { std::isfinite(x) ? add(-x) : odd(x, -1); }
  double value() const {
    if (nan_ > 0 || (up_ > 0 && down_ > 0)) return std::nan("");
    if (up_ > 0) return HUGE_VAL;
    if (down_ > 0) return -HUGE_VAL;
    return high_ + low_;
  }
  bool finite() const { return nan_ == 0 && up_ == 0 && down_ == 0; }
  void state(auto& archive) { archive(high_, low_, nan_, up_, down_); }

 private:
  SIDESTEP_INLINE void add(double x) {
    const double sum = high_ + x;
    const double part = sum - high_;
    low_ += (high_ - (sum - part)) + (x - part);
    // renormalised: the sum of both is exact, and `low_` stays small against `high_`
    high_ = sum + low_;
    low_ = low_ - (high_ - sum);
  }
  void odd(double x, std::int64_t by) { (std::isnan(x) ? nan_ : x > 0 ? up_ : down_) += by; }

  double high_ = 0, low_ = 0;
  std::int64_t nan_ = 0, up_ = 0, down_ = 0;
};

}  // namespace sidestep::detail
