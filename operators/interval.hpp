#pragma once

#include <sidestep/operators/stage.hpp>

#include <chrono>

namespace sidestep::detail {

/// The length of an interval, or an OperatorError that names the operator.
inline Nanoseconds positive(std::chrono::nanoseconds length, const char* what) {
  if (length.count() <= 0) refuse(what, length.count(), "the interval must be longer than 0 ns");
  return length.count();
}

/// The end of the interval that `stamp` lies in, where intervals begin at multiples of `length` since 1970.
constexpr Nanoseconds interval_end(Nanoseconds stamp, Nanoseconds length) {
  const Nanoseconds within = stamp % length;
  return stamp - (within < 0 ? within + length : within) + length;
}

}  // namespace sidestep::detail
