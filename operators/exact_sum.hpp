#pragma once

#include <sidestep/bus/archive.hpp>
#include <sidestep/operators/inline.hpp>

#include <cmath>
#include <cstdint>

namespace sidestep::detail {

/// A sum that keeps what each addition rounds away (Neumaier 1974, with Knuth's two-sum, TAOCP 4.2.2, so that it has no
/// branch): the error is that of one rounding, for up to 2^50 values.
struct CompensatedSum {
  double sum = 0, rest = 0;
  SIDESTEP_INLINE void add(double x) {
    const double next = sum + x;
    const double part = next - sum;
    rest += (sum - (next - part)) + (x - part);
    sum = next;
  }
  /// Of infinity and NaN, what plain addition says: `rest` is NaN then.
  SIDESTEP_INLINE double value() const { return std::isfinite(sum) ? sum + rest : sum; }
  void state(auto& archive) { archive(sum, rest); }
};

/// Two of them at once, in one register where the machine has such.
struct CompensatedPair {
  typedef double Pair __attribute__((vector_size(16)));
  Pair sum{}, rest{};
  SIDESTEP_INLINE void add(double x, double y) {
    const Pair both{x, y};
    const Pair next = sum + both;
    const Pair part = next - sum;
    rest += (sum - (next - part)) + (both - part);
    sum = next;
  }
  SIDESTEP_INLINE double value(int i) const { return std::isfinite(sum[i]) ? sum[i] + rest[i] : sum[i]; }
  void state(auto& archive) {
    double saved[4] = {sum[0], sum[1], rest[0], rest[1]};
    for (double& one : saved) archive(one);
    sum = Pair{saved[0], saved[1]}, rest = Pair{saved[2], saved[3]};
  }
};

/// A sum to which numbers are added and from which they are taken away again. What isn't finite is counted apart: it is
/// gone when it has left.
class SlidingSum {
 public:
  SIDESTEP_INLINE void enter(double x) {
    if (std::isfinite(x)) [[likely]]
      sum_.add(x);
    else
      odd(x, 1);
  }
  SIDESTEP_INLINE void leave(double x) {
    if (std::isfinite(x)) [[likely]]
      sum_.add(-x);
    else
      odd(x, -1);
  }
  double value() const {
    if (!finite()) [[unlikely]] {
      if (nan_ > 0 || (up_ > 0 && down_ > 0)) return std::nan("");
      return up_ > 0 ? HUGE_VAL : -HUGE_VAL;
    }
    return sum_.value();
  }
  bool finite() const { return (nan_ | up_ | down_) == 0; }
  void state(auto& archive) { archive(sum_, nan_, up_, down_); }

 private:
  void odd(double x, std::int64_t by) { (std::isnan(x) ? nan_ : x > 0 ? up_ : down_) += by; }

  CompensatedSum sum_;
  std::int64_t nan_ = 0, up_ = 0, down_ = 0;
};

/// Sums over a sliding window, which don't drift however long it slides: beside those in use, others begin afresh, and
/// take their place when all that was in the window then has left it. So no error is older than two windows, and none
/// is left of a value that was much greater than those that are in the window now. `Sums` has enter(x), leave(x),
/// about(other): begin, and expect values like those of `other`; and state(archive).
template <class Sums>
class Renewed {
 public:
  SIDESTEP_INLINE void enter(double x) { now_.enter(x), fresh_.enter(x), ++held_; }
  SIDESTEP_INLINE void leave(double x) {
    now_.leave(x), --held_;
    if (--older_ <= 0) [[unlikely]]
      renew(x);
  }
  std::int64_t held() const { return held_; }
  const Sums* operator->() const { return &now_; }
  void clear() { now_ = fresh_ = {}, held_ = older_ = 0; }
  void state(auto& archive) {
    archive(now_, fresh_, held_, older_);
    if (older_ < 0 || held_ < older_) throw ArchiveError("a sliding window's sum isn't of so many values.");
  }

 private:
  /// None is left that had entered before the fresh ones began; `x` left last.
  SIDESTEP_APART void renew(double x) {
    if (older_ < 0) fresh_.leave(x);
    now_ = fresh_;
    fresh_ = {};
    if constexpr (requires { fresh_.about(now_); }) fresh_.about(now_);
    older_ = held_;
  }

  Sums now_{}, fresh_{};
  std::int64_t held_ = 0, older_ = 0;  // values in the window; how many of them entered before `fresh_` began
};

}  // namespace sidestep::detail
