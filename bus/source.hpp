#pragma once

#include <sidestep/bus/subscription.hpp>

#include <utility>

namespace sidestep {

/// Where a pipeline begins: the events of one type, or of several (then the value is a OneOf<E...>). Operators follow with `|`.
template <Event... E>
struct [[nodiscard("this pipeline has no end: add subscribe(...) or decide(...)")]] Source {
  Bus* bus;
  PipelineOptions options;

  /// The name that reports and errors give it.
  Source named(std::string_view name) && { return options.name = name, std::move(*this); }
  /// Whose events it sees.
  Source from(Stream stream) && { return options.stream = stream, std::move(*this); }
};

}  // namespace sidestep
