#pragma once

#include <sidestep/operators/statistic.hpp>

#include <cmath>
#include <vector>

namespace sidestep {

namespace detail {

struct Less {
  static constexpr std::string_view label = "min_of";
  static bool better(double a, double b) { return a < b; }
};
struct Greater {
  static constexpr std::string_view label = "max_of";
  static bool better(double a, double b) { return a > b; }
};

template <class Order, bool sliding>
struct ExtremeKernel {
  static constexpr std::string_view label = Order::label;
  double best = 0;
  bool any = false;
  SIDESTEP_INLINE void enter(double x) {
    if (!any || Order::better(x, best) || std::isnan(x)) best = x;  // NaN stays: nothing is better than it
    any = true;
  }
  double result() const { return best; }
  bool empty() const { return !any; }
  void clear() { any = false; }
  void state(auto& archive) { archive(best, any); }
};
/// A monotonic deque: what a later, better value hides is dropped. Amortised O(1), at worst O(n) in one event.
template <class Order>
struct ExtremeKernel<Order, true> {
  static constexpr std::string_view label = Order::label;
  struct Candidate {
    double value;
    std::int64_t at;
  };

  void reserve(std::size_t n) {
    if (ring.size() == n) [[likely]]
      return;
    if (held > n) throw ArchiveError("a sliding window's state is of another length.");
    ring.resize(n);  // it begins, or was loaded with what it held alone
  }
  void enter(double x) {
    if (std::isnan(x))
      ++nans;
    else {
      while (held > 0 && !Order::better(place(held - 1).value, x)) --held;
      place(held++) = {x, entered};
    }
    ++entered;
  }
  void leave(double x) {
    if (std::isnan(x)) --nans;
    if (held > 0 && place(0).at == left) first = (first + 1) % ring.size(), --held;
    ++left;
  }
  double result() const { return nans > 0 ? std::nan("") : ring[first].value; }
  bool empty() const { return entered == left; }
  void clear() { first = held = 0, entered = left = nans = 0; }
  void state(auto& archive) {
    std::vector<Candidate> candidates;
    for (std::size_t i = 0; i < held; ++i) candidates.push_back(place(i));
    archive(candidates, entered, left, nans);
    if (archive.saving()) return;
    ring = std::move(candidates);
    first = 0, held = ring.size();
  }

  std::vector<Candidate> ring;  // of `held` candidates from `first` on, the best one first
  std::size_t first = 0, held = 0;
  std::int64_t entered = 0, left = 0, nans = 0;

 private:
  Candidate& place(std::size_t i) { return ring[(first + i) % ring.size()]; }
};

template <bool sliding>
struct MinKernel : ExtremeKernel<Less, sliding> {};
template <bool sliding>
struct MaxKernel : ExtremeKernel<Greater, sliding> {};

}  // namespace detail

/// The least value of each window.
///
///   in   --3--1--2--5--4--|
///   window(count(2)) | min_of()
///   out  -----1-----2-----4|
///
/// NaN if one is in the window. Keeps a number; over a sliding window at most n candidates.
template <class F = std::identity>
struct min_of : detail::StatisticOf<detail::MinKernel, F> {
  explicit min_of(F f = {}) : detail::StatisticOf<detail::MinKernel, F>(std::move(f)) {}
};
min_of()->min_of<std::identity>;
template <class F>
min_of(F) -> min_of<F>;

/// The greatest value of each window; all else as min_of.
template <class F = std::identity>
struct max_of : detail::StatisticOf<detail::MaxKernel, F> {
  explicit max_of(F f = {}) : detail::StatisticOf<detail::MaxKernel, F>(std::move(f)) {}
};
max_of()->max_of<std::identity>;
template <class F>
max_of(F) -> max_of<F>;

}  // namespace sidestep
