#pragma once
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sidestep {

/// The whole text as a whole number; nothing if it is anything else, or out of range.
std::optional<std::int64_t> whole_number(std::string_view text);

/// The whole text as a finite number ("0.002", "2e-3"); nothing for anything else, infinity and NaN included.
std::optional<double> finite_number(std::string_view text);

/// To be shown to people: a NaN has no sign that means anything.
inline double without_sign_if_nan(double value) { return std::isnan(value) ? std::abs(value) : value; }

}  // namespace sidestep
