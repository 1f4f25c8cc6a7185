#pragma once

#include <sidestep/operators/windowed.hpp>

#include <functional>
#include <tuple>

namespace sidestep::detail {

template <class W, class F>
concept Reduces = is_windowed<W> && requires(F& f, const W& window) {
  { call(f, *window.enters) } -> std::convertible_to<double>;
};

/// What a window's values become, one after the other. A kernel has enter(x), result(), empty(), clear(),
/// state(archive); one for sliding windows also leave(x), and reserve(n) before each value.
template <class W, class Kernel, class F>
struct Reducer {
  static constexpr bool known_state = KnownState<F>;
  static constexpr bool begins_anew = W::kind == WindowKind::tumbling || W::kind == WindowKind::timed;
  F f;
  Kernel kernel;
  template <class... P>
  explicit Reducer(F function, P... parameters) : f(std::move(function)), kernel{parameters...} {}

  SIDESTEP_INLINE void take(const W& window) {
    if constexpr (W::kind == WindowKind::timed || W::kind == WindowKind::sliding) {
      if (window.enters == nullptr) [[unlikely]] {  // time alone closes a window, or takes values away
        if constexpr (W::kind == WindowKind::sliding)
          if (window.leaves != nullptr) kernel.leave(static_cast<double>(call(f, *window.leaves)));
        return;
      }
    }
    // computed first, since it may lie where the kernel writes, for all that the compiler knows
    const auto enters = static_cast<double>(call(f, *window.enters));
    if constexpr (W::kind == WindowKind::sliding) {
      if constexpr (requires { kernel.reserve(window.size); }) kernel.reserve(window.size);
      if (window.leaves != nullptr) kernel.leave(static_cast<double>(call(f, *window.leaves)));
    }
    kernel.enter(enters);
  }
  /// It has been emitted.
  SIDESTEP_INLINE void emitted(const W& window) {
    if (begins_anew || window.clears) kernel.clear();
  }
  void state(auto& archive) {
    kernel.state(archive);
    functor_state(f, archive);
  }
};

/// Reduces the windows before it to one value each.
template <class W, class Kernel, class F>
struct Statistic {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = Kernel::label;
  Reducer<W, Kernel, F> reducer;
  explicit Statistic(Reducer<W, Kernel, F> r) : reducer(std::move(r)) {}

  template <class In>
  using out = std::remove_cvref_t<decltype(std::declval<Kernel&>().result())>;
  SIDESTEP_INLINE void operator()(const W& window, auto&& out) {
    reducer.take(window);
    if (window.emits) [[unlikely]] {
      out(reducer.kernel.result());
      reducer.emitted(window);
    }
  }
  void end(auto&& out) {
    if (reducer.begins_anew && !reducer.kernel.empty()) out(reducer.kernel.result());
    reducer.kernel.clear();
  }
  void state(auto& archive) requires KnownState<F> { reducer.state(archive); }
  void arguments(auto& show) const {
    if constexpr (requires { reducer.kernel.arguments(show); }) reducer.kernel.arguments(show);
  }
};

/// The kernel for windows of that kind: `Kernel<true>` can also let values leave. One that is as good for windows which
/// only grow says so (`grows`).
template <template <bool> class Kernel, WindowKind kind>
struct KernelOf {
  using type = Kernel<kind == WindowKind::sliding>;
};
template <template <bool> class Kernel>
requires(Kernel<true>::grows) struct KernelOf<Kernel, WindowKind::growing> {
  using type = Kernel<true>;
};

/// The operator before it knows its window. `P` are what the kernel is made with.
template <template <bool> class Kernel, class F, class... P>
struct StatisticOf {
  static constexpr bool reduces_windows = true;
  F f;
  std::tuple<P...> parameters;
  explicit StatisticOf(F function, P... p) : f(std::move(function)), parameters(p...) {}

  template <class W>
  using ReducerOf = Reducer<W, typename KernelOf<Kernel, W::kind>::type, F>;
  template <class W>
  requires Reduces<W, F> ReducerOf<W> reducer() && {
    return std::apply([&](auto... p) { return ReducerOf<W>(std::move(f), p...); }, parameters);
  }
  template <class In>
  requires Reduces<In, F>
  auto place() && { return Statistic(std::move(*this).template reducer<In>()); }
};

}  // namespace sidestep::detail
