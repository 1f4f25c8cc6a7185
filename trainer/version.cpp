#include <sidestep/trainer/version.hpp>

namespace sidestep {

std::string_view version() noexcept { return SIDESTEP_VERSION; }

}  // namespace sidestep
