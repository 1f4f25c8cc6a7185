#pragma once

#include <sidestep/operators/statistic.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace sidestep {

namespace detail {

struct Less {
  static constexpr std::string_view label = "min_of";
  static constexpr bool better(double a, double b) { return a < b; }
};
struct Greater {
  static constexpr std::string_view label = "max_of";
  static constexpr bool better(double a, double b) { return a > b; }
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
/// Values in blocks. Of the newest block the best so far is kept; when it is complete, the best of what follows from
/// each of its values on, which is what stays as they leave; and a monotonic deque has the best of the blocks between.
/// So a value takes no branch that can't be foreseen, and memory is written and read in order. Amortised O(1), at worst
/// O(64 + log n) in one event.
template <class Order>
struct ExtremeKernel<Order, true> {
  static constexpr std::string_view label = Order::label;
  static constexpr double worst = Order::better(0, 1) ? HUGE_VAL : -HUGE_VAL;
  static constexpr std::size_t longest = 64;  // values in a block
  struct Block {
    double best;
    std::int64_t begin;
  };

  SIDESTEP_INLINE void reserve(std::size_t n) {
    if (n != size) [[unlikely]]
      begin(n);
  }
  SIDESTEP_INLINE void enter(double x) {
    if (std::isnan(x)) [[unlikely]]
      x = worst, ++nans;
    rest[static_cast<std::size_t>(entered++) & mask] = x;
    newest = best(x, newest);
    if (entered - closed == static_cast<std::int64_t>(longest)) [[unlikely]]
      close();
  }
  SIDESTEP_INLINE void leave(double x) {
    if (std::isnan(x)) [[unlikely]]
      --nans;
    if (left++ == closed) [[unlikely]]
      close();  // a window that has become short
    if (held > 0 && blocks[first & block_mask].begin < left) [[unlikely]]
      ++first, --held;
  }
  SIDESTEP_INLINE double result() const {
    if (nans > 0) [[unlikely]]
      return std::nan("");
    const double oldest = left < closed ? rest[static_cast<std::size_t>(left) & mask] : worst;
    const double between = held > 0 ? blocks[first & block_mask].best : worst;
    return best(best(oldest, between), newest);
  }
  bool empty() const { return entered == left; }
  void clear() { entered = left = closed = nans = 0, newest = worst, first = held = 0; }

  void state(auto& archive) {
    std::vector<double> values;
    std::vector<Block> all;
    if (archive.saving()) values = held_values(), all = held_blocks();
    archive(values, all, left, closed, nans, newest);
    if (!archive.saving()) load(values, all);
  }

 private:
  static double best(double a, double b) { return Order::better(a, b) ? a : b; }
  Block& block(std::size_t i) { return blocks[(first + i) & block_mask]; }

  /// The block that fills up is complete.
  SIDESTEP_APART void close() {
    double from_here = worst;
    for (std::int64_t i = entered; i-- > closed;) {
      double& place = rest[static_cast<std::size_t>(i) & mask];
      place = from_here = best(place, from_here);
    }
    drop_hidden_by(from_here);
    if (entered > closed) block(held++) = {from_here, closed};
    closed = entered, newest = worst;
  }
  /// Of the blocks, the best first, those that are no better than a later one. They are in order: it is searched for.
  void drop_hidden_by(double value) {
    const auto hidden = [&](std::size_t n) { return n <= held && !Order::better(block(held - n).best, value); };
    std::size_t n = 0, step = 1;
    for (; hidden(n + step); step *= 2) n += step;
    for (; step > 0; step /= 2)
      if (hidden(n + step)) n += step;
    held -= n;
  }
  /// It begins, or was loaded with what it held alone.
  SIDESTEP_APART void begin(std::size_t n) {
    if (entered - left > static_cast<std::int64_t>(n) || held > n / longest + 2)
      throw ArchiveError("a sliding window's state is of another length.");
    lay_out(held_values(), held_blocks(), n);
    size = n;
  }
  std::vector<double> held_values() const {
    std::vector<double> values;
    for (std::int64_t i = left; i < entered; ++i) values.push_back(rest[static_cast<std::size_t>(i) & mask]);
    return values;
  }
  std::vector<Block> held_blocks() {
    std::vector<Block> all;
    for (std::size_t i = 0; i < held; ++i) all.push_back(block(i));
    return all;
  }
  /// With room for n values. A block that isn't of 64 is the only one, so there are at most so many.
  void lay_out(const std::vector<double>& values, const std::vector<Block>& all, std::size_t n) {
    rest.assign(std::bit_ceil(n), 0);
    mask = rest.size() - 1;
    for (std::size_t i = 0; i < values.size(); ++i) rest[(static_cast<std::size_t>(left) + i) & mask] = values[i];
    blocks.assign(std::bit_ceil(n / longest + 3), {});
    block_mask = blocks.size() - 1;
    std::copy(all.begin(), all.end(), blocks.begin());
    first = 0, held = all.size();
  }
  void load(const std::vector<double>& values, const std::vector<Block>& all) {
    constexpr std::int64_t many = std::numeric_limits<std::int64_t>::max() / 4;
    const auto n = static_cast<std::int64_t>(values.size());
    entered = left + n;
    if (left < 0 || left > many || closed < 0 || closed > entered ||
        entered - closed >= static_cast<std::int64_t>(longest) || nans < 0 || all.size() > values.size() / longest + 2)
      throw ArchiveError("the state of a least or greatest value is damaged.");
    lay_out(values, all, std::max<std::size_t>(values.size(), 1));
    size = 0;
  }

  std::vector<double> rest;   // of values left ... closed - 1 the best from there to its block's end; then the values
  std::vector<Block> blocks;  // `held` of them from `first` on: whole, and each better than all behind it
  std::int64_t entered = 0, left = 0, closed = 0, nans = 0;  // closed: where the newest block begins
  double newest = worst;
  std::size_t mask = 0, block_mask = 0, first = 0, held = 0, size = 0;
};

template <bool sliding>
struct MinKernel : ExtremeKernel<Less, sliding> {};
template <bool sliding>
struct MaxKernel : ExtremeKernel<Greater, sliding> {};

}  // namespace detail

/// The least value of each window; max_of: the greatest.
///
///   in   --3--1--2--5--4--|
///   window(count(2)) | min_of()
///   out  -----1-----2-----4|
///
/// NaN if one is in the window. Keeps a number; over a sliding window n numbers, and two for every 64 of them.
template <class F = std::identity>
auto min_of(F f = {}) {
  return detail::StatisticOf<detail::MinKernel, F>(std::move(f));
}

/// The greatest value of each window; all else as min_of.
template <class F = std::identity>
auto max_of(F f = {}) {
  return detail::StatisticOf<detail::MaxKernel, F>(std::move(f));
}

}  // namespace sidestep
