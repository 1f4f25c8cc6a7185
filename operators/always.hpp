#pragma once

#include <sidestep/operators/inline.hpp>

namespace sidestep::detail {

/// The predicate of first() and last(): every value will do.
struct Always {
  SIDESTEP_INLINE bool operator()(const auto&) const { return true; }
};

}  // namespace sidestep::detail
