#pragma once

#include <sidestep/bus/events.hpp>
#include <sidestep/operators/inline.hpp>

#include <cmath>
#include <concepts>
#include <string_view>

/// Predicates that one often filters by.
namespace sidestep {

/// filter(is_finite): neither NaN nor infinite.
struct IsFinite {
  SIDESTEP_INLINE bool operator()(std::floating_point auto value) const { return std::isfinite(value); }
  std::string_view text() const { return "is_finite"; }
};
/// filter(not_finite): NaN or infinite.
struct NotFinite {
  SIDESTEP_INLINE bool operator()(std::floating_point auto value) const { return !std::isfinite(value); }
  std::string_view text() const { return "not_finite"; }
};
inline constexpr IsFinite is_finite{};  // not `finite`: the C library has a function of that name
inline constexpr NotFinite not_finite{};

/// filter(named("val/loss")): the metrics of this name.
struct named {
  using is_pure = void;
  Name name;
  explicit named(std::string_view text) : name(intern(text)) {}
  SIDESTEP_INLINE bool operator()(const Metric& metric) const { return metric.metric == name; }
  std::string_view text() const { return name.text(); }
};

}  // namespace sidestep
