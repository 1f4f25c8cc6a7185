#pragma once

#include <sidestep/operators/buckets.hpp>
#include <sidestep/operators/statistic.hpp>

#include <limits>
#include <vector>

namespace sidestep {

namespace detail {

/// A cursor stands in the bucket that holds the quantile. A value that comes or goes moves it by one bucket at most.
template <bool sliding>
struct QuantileKernel {
  static constexpr std::string_view label = "quantile";
  using Count = std::conditional_t<sliding, std::uint32_t, std::uint64_t>;
  explicit QuantileKernel(double quantile) : q(quantile) {}

  SIDESTEP_INLINE void enter(double x) {
    if (std::isnan(x)) [[unlikely]] {
      ++nans;
      return;
    }
    const std::uint32_t key = Buckets<Count>::key(x);
    buckets.add(key);
    before += key < at, ++n;
  }
  SIDESTEP_INLINE void leave(double x) {
    if (std::isnan(x)) [[unlikely]] {
      --nans;
      return;
    }
    const std::uint32_t key = Buckets<Count>::key(x);
    if (!buckets.remove(key)) [[unlikely]]
      throw ArchiveError("a quantile's state isn't that of the window before it.");
    before -= key < at, --n;
  }
  void reserve(std::size_t size) requires sliding {
    if (size > std::numeric_limits<Count>::max())
      refuse("quantile", static_cast<std::int64_t>(size), "at most 2^32 - 1 values in a sliding window");
  }
  double result() {
    if (nans > 0 || n == 0) [[unlikely]]
      return std::nan("");
    const auto rank = static_cast<std::int64_t>(q * static_cast<double>(n - 1));
    while (before > rank) {
      at = buckets.below(at);
      before -= static_cast<std::int64_t>(buckets[at]);
    }
    while (before + static_cast<std::int64_t>(buckets[at]) <= rank) {
      before += static_cast<std::int64_t>(buckets[at]);
      at = buckets.above(at);
    }
    return Buckets<Count>::value(at);
  }
  bool empty() const { return n + nans == 0; }
  void clear() {
    buckets.clear();
    at = 0, before = n = nans = 0;
  }
  void arguments(auto& show) const { show(q); }

  void state(auto& archive) {
    std::vector<std::pair<std::uint32_t, Count>> counts;
    if (archive.saving())
      for (std::uint32_t key = buckets.least(); key != buckets.none; key = buckets.above(key))
        counts.emplace_back(key, buckets[key]);
    archive(counts, nans);
    if (archive.saving()) return;
    const std::int64_t not_numbers = nans;
    clear();
    nans = not_numbers;
    for (const auto& [key, count] : counts) {
      if (key >= buckets.size || count == 0 || buckets[key] != 0 || count > most - n || nans < 0)
        throw ArchiveError("a quantile's state has counts that can't be.");
      buckets.set(key, count);
      n += static_cast<std::int64_t>(count);
    }
  }

 private:
  static constexpr std::uint64_t most = std::uint64_t{1} << 62;
  Buckets<Count> buckets;
  double q;
  std::uint32_t at = 0;     // of the bucket that held the quantile last
  std::int64_t before = 0;  // values in lower buckets
  std::int64_t n = 0, nans = 0;
};

}  // namespace detail

/// A quantile of each window, within 1/256 of itself: quantile(0.5) is the median. Also median(), p90(), p99().
///
///   in   --1--2--4--8--|
///   window(count(2)) | quantile(0.5) | map([](double x) { return std::round(x); })
///   out  -----1-----4--|
///
/// What is meant is the value of rank floor(q * (n - 1)) of the n values in order (NumPy's `method="lower"`), and what
/// is emitted differs from it by at most 1/256 (0.4%) of it; by 2^-1029 where it is less than 2^-1022; 0 and infinity
/// are exact. NaN if one is in the window. This is DDSketch (Masson, Rim, Lee 2019, VLDB) with a mapping that takes the
/// logarithm from the bits of a double; its buckets hold every double, so none are collapsed. O(1) for each value.
/// Keeps 2 to 4 MB of addresses, of which memory is taken only where values fall (4 KB for 4 or 8 powers of two).
template <class F = std::identity>
auto quantile(double q, F f = {}) {
  if (!(q >= 0 && q <= 1)) detail::refuse_real("quantile", q, "q must be from 0 to 1");
  return detail::StatisticOf<detail::QuantileKernel, F, double>(std::move(f), q);
}

/// Quantiles that have names.
template <class F = std::identity>
auto median(F f = {}) {
  return sidestep::quantile(0.5, std::move(f));
}
template <class F = std::identity>
auto p90(F f = {}) {
  return sidestep::quantile(0.9, std::move(f));
}
template <class F = std::identity>
auto p99(F f = {}) {
  return sidestep::quantile(0.99, std::move(f));
}

}  // namespace sidestep
