#pragma once

#include <stdexcept>

namespace sidestep {

/// A callback that can't do what its options ask, or a file that it can't use. `what()` is one sentence: what, where,
/// the mend.
struct CallbackError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace sidestep
