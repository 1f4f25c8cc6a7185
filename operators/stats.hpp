#pragma once

#include <sidestep/operators/stages.hpp>
#include <sidestep/operators/statistic.hpp>

#include <array>

namespace sidestep {

namespace detail {

template <class S, class W>
concept GivesNumber = requires(S statistic) {
  { std::move(statistic).template reducer<W>().kernel.result() } -> std::convertible_to<double>;
};

/// Whatever the window's values are.
template <class S, WindowKind kind>
inline constexpr bool emits_number = false;
template <template <bool> class Kernel, class F, class... P, WindowKind kind>
inline constexpr bool emits_number<StatisticOf<Kernel, F, P...>, kind> =
    requires(typename KernelOf<Kernel, kind>::type kernel) {
  { kernel.result() } -> std::convertible_to<double>;
};

template <class W, class... R>
struct Several {
  static constexpr std::string_view label = "stats";
  std::tuple<R...> reducers;
  explicit Several(R... all) : reducers(std::move(all)...) {}

  template <class In>
  using out = std::array<double, sizeof...(R)>;
  SIDESTEP_INLINE void operator()(const W& window, auto&& out) {
    std::apply([&](R&... r) SIDESTEP_INLINE { (r.take(window), ...); }, reducers);
    if (window.emits) [[unlikely]] {
      out(results());
      std::apply([&](R&... r) SIDESTEP_INLINE { (r.emitted(window), ...); }, reducers);
    }
  }
  void end(auto&& out) {
    const bool any = std::apply([](R&... r) { return (!r.kernel.empty() || ...); }, reducers);
    if (At<0, R...>::begins_anew && any) out(results());
    std::apply([](R&... r) { (r.kernel.clear(), ...); }, reducers);
  }
  void state(auto& archive) requires(R::known_state&&...) {
    std::apply([&](R&... r) { (r.state(archive), ...); }, reducers);
  }
  void arguments(auto& show) const {
    const auto one = [&](const auto& kernel) {
      show(kernel.label);
      if constexpr (requires { kernel.arguments(show); }) kernel.arguments(show);
    };
    std::apply([&](const R&... r) { (one(r.kernel), ...); }, reducers);
  }

 private:
  SIDESTEP_INLINE std::array<double, sizeof...(R)> results() {
    return std::apply(
        [](R&... r)
            SIDESTEP_INLINE { return std::array<double, sizeof...(R)>{static_cast<double>(r.kernel.result())...}; },
        reducers);
  }
};

template <class... S>
struct StatsOf {
  static constexpr bool reduces_windows = true;
  static_assert(sizeof...(S) > 0, "stats needs at least one statistic, as in stats(mean(), variance())");
  std::tuple<S...> all;
  explicit StatsOf(S... statistics) : all(std::move(statistics)...) {}

  template <class In>
  requires(GivesNumber<S, In>&&...) auto place() && {
    return std::apply(
        [](S&... s) {
          return Several<In, decltype(std::move(s).template reducer<In>())...>(std::move(s).template reducer<In>()...);
        },
        all);
  }
  template <class In>
  requires is_windowed<In>
  static constexpr Wrong why = (emits_number<S, In::kind> && ...) ? Wrong::nothing : Wrong::no_number_in_stats;
};

}  // namespace detail

/// Several statistics of the same windows at once: a std::array of their results, in their order. The window keeps its
/// values once for all.
///
///   in   --1--3-----5-----|
///   window(sliding(2)) | stats(mean(), max_of())
///   out  -----[2,3]-[4,5]-|
///
/// Each may have its own member: stats(mean(&BatchEnd::loss), max_of(&BatchEnd::accuracy)). Those that emit a number or
/// a bool can stand in it: count, sum, mean, variance, standard_deviation, min_of, max_of, quantile, slope, plateau.
/// Keeps what they keep.
template <class... S>
detail::StatsOf<S...> stats(S... statistics) {
  return detail::StatsOf<S...>(std::move(statistics)...);
}

}  // namespace sidestep
