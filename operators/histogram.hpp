#pragma once

#include <sidestep/operators/statistic.hpp>

#include <array>
#include <cmath>

namespace sidestep {

/// What histogram<N>(low, high) emits: N buckets of equal width, and what lies outside.
template <std::size_t N>
struct HistogramCounts {
  std::array<std::int64_t, N> counts{};
  std::int64_t below = 0, above = 0;  ///< infinities too
  std::int64_t nan = 0;

  void state(auto& archive) {
    for (std::int64_t& count : counts) archive(count);
    archive(below, above, nan);
  }
};

namespace detail {

template <std::size_t N>
struct HistogramOf {
  template <bool>
  struct Kernel {
    static constexpr std::string_view label = "histogram";
    double low, high, width = (high - low) / static_cast<double>(N), scale = 1 / width;
    std::int64_t n = 0;
    HistogramCounts<N> histogram{};
    Kernel(double from, double to) : low(from), high(to) {}

    SIDESTEP_INLINE void enter(double x) { place(x) += 1, ++n; }
    SIDESTEP_INLINE void leave(double x) { place(x) -= 1, --n; }
    const HistogramCounts<N>& result() const { return histogram; }
    bool empty() const { return n == 0; }
    void clear() { histogram = {}, n = 0; }
    void state(auto& archive) { archive(histogram, n); }
    void arguments(auto& show) const { show(low, high); }

   private:
    double edge(std::size_t i) const { return low + static_cast<double>(i) * width; }
    SIDESTEP_INLINE bool beside(std::size_t i, double x) const {
      return (i > 0 && x < edge(i)) || (i + 1 < N && x >= edge(i + 1));
    }
    /// The last bucket whose edge isn't above x. Rounding has put x beside bucket i: by one, or, where several edges
    /// are one number, by many.
    SIDESTEP_APART std::size_t around(std::size_t i, double x) const {
      i = x < edge(i) ? i - 1 : i + 1;
      if (!beside(i, x)) return i;
      std::size_t first = 0, past = N;
      while (past - first > 1) {
        const std::size_t middle = first + (past - first) / 2;
        (x < edge(middle) ? past : first) = middle;
      }
      return first;
    }
    SIDESTEP_INLINE std::int64_t& place(double x) {
      if (!(x >= low && x <= high)) [[unlikely]]
        return std::isnan(x) ? histogram.nan : x < low ? histogram.below : histogram.above;
      const double at = (x - low) * scale;  // of buckets as narrow as denormals, no number
      auto i = at < static_cast<double>(N) ? static_cast<std::size_t>(at) : N - 1;
      if (beside(i, x)) [[unlikely]]
        i = around(i, x);
      return histogram.counts[i];
    }
  };
};

}  // namespace detail

/// How many values of each window fall into each of N buckets between `low` and `high`: a HistogramCounts<N>.
///
///   in   --1--2--3--9------|
///   window(count(4)) | histogram<2>(0, 4) | map([](const HistogramCounts<2>& h) { return h.counts; })
///   out  -----------[1,2]--|
///
/// A bucket has its lower edge, the last one `high` too (NumPy's `histogram`); what is less or greater, and NaN, is
/// counted apart. Where rounding makes several edges one number, the last bucket that begins there has it. Keeps N + 4
/// counters.
template <std::size_t N, class F = std::identity>
auto histogram(double low, double high, F f = {}) {
  static_assert(N > 0, "a histogram has at least one bucket");
  if (!(low < high) || !std::isfinite(high - low))
    detail::refuse_real("histogram", high, "low must be less than high, and both finite");
  return detail::StatisticOf<detail::HistogramOf<N>::template Kernel, F, double, double>(std::move(f), low, high);
}

}  // namespace sidestep
