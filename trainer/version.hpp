#pragma once
#include <string_view>

namespace sidestep {

/// Of this library, as in "0.1.0".
std::string_view version() noexcept;

}  // namespace sidestep
