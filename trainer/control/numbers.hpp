#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace sidestep {

/// The whole text as a whole number; nothing if it is anything else, or out of range.
std::optional<std::int64_t> whole_number(std::string_view text);

/// The whole text as a finite number ("0.002", "2e-3"); nothing for anything else, infinity and NaN included.
std::optional<double> finite_number(std::string_view text);

}  // namespace sidestep
