#pragma once

#include <sidestep/operators/stage.hpp>

#include <algorithm>
#include <cmath>
#include <functional>

namespace sidestep {

struct PageHinkleyOptions {
  bool rises = true, falls = true;  ///< which changes are looked for
  std::int64_t least = 30;          ///< values that it has seen at least before it says anything
};

namespace detail {

template <class F>
struct PageHinkley {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "page_hinkley";
  F f;
  double delta, lambda;
  std::int64_t n = 0, least;
  double first = 0, mean = 0;    // the mean less the first value: so it is exact of values far from 0
  double risen = 0, fallen = 0;  // above their least value so far
  bool rises, falls;
  PageHinkley(F function, double d, double l, PageHinkleyOptions options)
      : f(std::move(function)), delta(d), lambda(l), least(options.least), rises(options.rises), falls(options.falls) {}

  template <class In>
  using out = In;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&& out) {
    const double x = static_cast<double>(call(f, value));
    if (!std::isfinite(x)) [[unlikely]]
      return;
    if (n == 0) first = x;
    const double beyond = x - first;
    mean += (beyond - mean) / static_cast<double>(++n);
    risen = std::max(0.0, risen + (beyond - mean - delta));
    fallen = std::max(0.0, fallen + (mean - beyond - delta));
    if (n < least || !((rises && risen > lambda) || (falls && fallen > lambda))) [[likely]]
      return;
    n = 0, first = mean = risen = fallen = 0;
    out(value);
  }
  void state(auto& archive) requires KnownState<F> {
    archive(n, first, mean, risen, fallen);
    functor_state(f, archive);
  }
  void arguments(auto& show) const { show(delta, lambda); }
};

template <class F>
struct PageHinkleyOf {
  F f;
  double delta, lambda;
  PageHinkleyOptions options;
  PageHinkleyOf(double d, double l, PageHinkleyOptions how, F function)
      : f(std::move(function)), delta(d), lambda(l), options(how) {
    if (!(delta >= 0)) refuse_real("page_hinkley", delta, "delta must not be negative");
    if (!(lambda > 0)) refuse_real("page_hinkley", lambda, "lambda must be greater than 0");
    if (options.least < 1) refuse("page_hinkley", options.least, "least must be at least 1");
  }

  template <class In>
  requires requires(F& function, const In& value) {
    { call(function, value) } -> std::convertible_to<double>;
  }
  auto place() && { return PageHinkley<F>(std::move(f), delta, lambda, options); }
};

}  // namespace detail

/// Lets a value pass at which it is plain that the mean has changed (Page 1954, Hinkley 1971), then begins anew.
///
///   in   --1--1--1--8--8--1--1--1--|
///   page_hinkley(0.5, 4.0, {.least = 2})
///   out  -----------8--------1-----|
///
/// It sums how far each value lies above the mean of all so far, less `delta` (what deviation is taken for noise), and
/// compares the sum's rise over its least value with `lambda` (how much is too much); the same downwards. Greater
/// lambda: fewer false alarms, later true ones. It says nothing before `least` values; `{.falls = false}` looks for
/// rises alone. Of a member: page_hinkley(0.01, 5.0, {}, &BatchEnd::loss). What isn't finite is left out. Keeps five
/// numbers. As River's `PageHinkley` with alpha = 1.
template <class F = std::identity>
detail::PageHinkleyOf<F> page_hinkley(double delta, double lambda, PageHinkleyOptions how = {}, F f = {}) {
  return detail::PageHinkleyOf<F>(delta, lambda, how, std::move(f));
}

}  // namespace sidestep
