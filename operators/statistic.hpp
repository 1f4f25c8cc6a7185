#pragma once

#include <sidestep/operators/windowed.hpp>

#include <functional>

namespace sidestep::detail {

template <class W, class F>
concept Reduces = is_windowed<W> && requires(F& f, const W& window) {
  { call(f, *window.enters) } -> std::convertible_to<double>;
};

/// Reduces the windows before it to one number each. A kernel has enter(x), result(), empty(), clear(), state(archive);
/// one for sliding windows also leave(x), and reserve(n) once.
template <class W, class Kernel, class F>
struct Statistic {
  static constexpr std::string_view label = Kernel::label;
  F f;
  Kernel kernel{};
  explicit Statistic(F function) : f(std::move(function)) {}

  template <class In>
  using out = double;
  SIDESTEP_INLINE void operator()(const W& window, auto&& out) {
    if constexpr (W::kind == WindowKind::timed) {
      if (window.enters != nullptr) kernel.enter(static_cast<double>(call(f, *window.enters)));
    } else if constexpr (W::kind == WindowKind::sliding) {
      if constexpr (requires { kernel.reserve(window.size); }) kernel.reserve(window.size);
      if (window.leaves != nullptr) kernel.leave(static_cast<double>(call(f, *window.leaves)));
      kernel.enter(static_cast<double>(call(f, *window.enters)));
    } else
      kernel.enter(static_cast<double>(call(f, *window.enters)));
    if (window.emits) [[unlikely]] {
      out(kernel.result());
      if (W::kind != WindowKind::sliding || window.clears) kernel.clear();
    }
  }
  void end(auto&& out) {
    if (W::kind != WindowKind::sliding && !kernel.empty()) out(kernel.result());
    kernel.clear();
  }
  void state(auto& archive) requires KnownState<F> {
    kernel.state(archive);
    functor_state(f, archive);
  }
};

/// The operator before it knows its window: `Kernel<sliding>` is chosen where it is put.
template <template <bool> class Kernel, class F>
struct StatisticOf {
  static constexpr bool reduces_windows = true;
  F f;
  explicit StatisticOf(F function) : f(std::move(function)) {}

  template <class In>
  requires Reduces<In, F>
  auto place() && { return Statistic<In, Kernel<In::kind == WindowKind::sliding>, F>(std::move(f)); }
};

}  // namespace sidestep::detail
