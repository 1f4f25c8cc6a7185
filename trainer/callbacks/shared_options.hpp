#pragma once

#include <sidestep/trainer/callbacks/entry.hpp>

namespace sidestep::detail {

/// Options that several callbacks have, in one wording.
inline constexpr CallbackOption at_option{"at", "epoch|batch:N", "epoch",
                                          "when it looks: at whole epochs' ends, or every N batches"};
inline constexpr CallbackOption mode_option{"mode", "auto|min|max", "auto",
                                            "which values are better; auto: by the name"};

}  // namespace sidestep::detail
