#pragma once

#include <sidestep/operators/slope.hpp>

namespace sidestep {

/// Which way is better.
enum class Improves { either, down, up };

struct PlateauOptions {
  Improves improves = Improves::either;
};

namespace detail {

template <bool sliding>
struct PlateauKernel : SlopeKernel<sliding> {
  static constexpr std::string_view label = "plateau";
  double eps;
  Improves improves;
  PlateauKernel(double least, PlateauOptions options) : eps(least), improves(options.improves) {}
  bool result() const {
    const double change = SlopeKernel<sliding>::result() * static_cast<double>(this->length() - 1);
    const double improvement = improves == Improves::either ? std::abs(change)
                               : improves == Improves::down ? -change
                                                            : change;
    return improvement < eps;  // false of NaN
  }
  void arguments(auto& show) const {
    show(eps, improves == Improves::either ? "either" : improves == Improves::down ? "down" : "up");
  }
};

}  // namespace detail

/// Says of each window whether it is flat: whether the straight line through its values (slope) changes by less than
/// eps from its first to its last value. A bool.
///
///   in   --8--4--2--2--2--|
///   window(sliding(3)) | plateau(1) | map([](bool flat) { return flat ? 1 : 0; })
///   out  --------0--0--1--|
///
/// With `{.improves = Improves::down}` only a fall counts as change, so a rising loss is a plateau too; `up` for what
/// should rise. eps is in the unit of the values and for the whole window, so noise is averaged out. False of a window
/// of one value, and as long as one that isn't finite is in it. To hear of it once: `| distinct_until_changed() |
/// filter(std::identity())`. Keeps what slope keeps.
template <class F = std::identity>
auto plateau(double eps, PlateauOptions options = {}, F f = {}) {
  if (!(eps > 0)) detail::refuse_real("plateau", eps, "eps must be greater than 0");
  return detail::StatisticOf<detail::PlateauKernel, F, double, PlateauOptions>(std::move(f), eps, options);
}

}  // namespace sidestep
