#pragma once

#include <sidestep/operators/window.hpp>

namespace sidestep::detail {

/// What becomes of window(spec) where the spec knows its stage: `Spec::Stage<In>`, made from the spec.
template <class Spec>
struct PlacedWindow {
  Spec spec;
  template <class In>
  requires(Storable<In> && !is_windowed<In>) && requires { typename Spec::template Stage<In>; }
  auto place() && { return typename Spec::template Stage<In>(std::move(spec)); }
};

}  // namespace sidestep::detail
