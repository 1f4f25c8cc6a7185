#pragma once

#include <sidestep/operators/interval.hpp>

#include <limits>
#include <numeric>

namespace sidestep {

struct RateLimitOptions {
  std::int64_t burst = 0;  ///< values that may come at once after a silence; 0: as many as in one interval
};

/// Lets at most `n` values pass in each `per` on the average, and drops the others.
///
///   in   -12345------6789|
///   rate_limit(2, 4ns)
///   out  -123-5------678-|
///
/// A bucket holds up to `burst` tokens (n unless said) and is full at first; n tokens flow in evenly during each `per`
/// of event time, and each value that passes takes one. So at most burst + n values pass in any interval of that
/// length. A token that is complete exactly at a value's stamp is there for it. A value with an earlier stamp than the
/// last finds the tokens that are left and brings none. Exact: no rounding, no drift. Keeps a time and a number.
/// Semantics: the token bucket of Go's `x/time/rate` (`Allow`); Rx has none.
struct rate_limit {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "rate_limit";
  static constexpr bool wall_time = true;
  // in a unit of which one nanosecond brings `inflow` and one value takes `price`
  std::int64_t inflow, price, full, credit;
  Nanoseconds full_after, at = std::numeric_limits<Nanoseconds>::min();

  explicit rate_limit(std::int64_t n, std::chrono::nanoseconds per, RateLimitOptions how = {}) {
    if (n < 1) detail::refuse("rate_limit", n, "at least 1 value must pass in an interval");
    if (how.burst < 0) detail::refuse("rate_limit", how.burst, "a burst holds at least 1 value");
    price = detail::positive(per, "rate_limit");
    const std::int64_t common = std::gcd(n, price), burst = how.burst == 0 ? n : how.burst;
    inflow = n / common;
    price /= common;
    if (burst > most / price || inflow > most)
      detail::refuse("rate_limit", burst, "so many values in so long an interval are more than it can count");
    full = credit = burst * price;
    full_after = full / inflow + (full % inflow != 0 ? 1 : 0);
  }

  template <class In>
  using out = In;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&& out) {
    const Nanoseconds now = out.stamp();
    if (now > at) {
      // unsigned: before the first value the difference is greater than any Nanoseconds
      const std::uint64_t elapsed = static_cast<std::uint64_t>(now) - static_cast<std::uint64_t>(at);
      credit = elapsed >= static_cast<std::uint64_t>(full_after)
                   ? full
                   : std::min(full, credit + static_cast<std::int64_t>(elapsed) * inflow);
      at = now;
    }
    if (credit < price) return;
    credit -= price;
    out(value);
  }
  void state(auto& archive) {
    archive(at, credit);
    if (credit < 0 || credit > full) throw ArchiveError("the state of rate_limit holds more than its bucket.");
  }
  void arguments(auto& show) const { show(full / price, full_after); }

 private:
  static constexpr std::int64_t most = std::int64_t{1} << 61;
};

}  // namespace sidestep
