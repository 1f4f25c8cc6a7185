#pragma once

#include <sidestep/operators/pipe.hpp>
#include <sidestep/trainer/control/callback.hpp>

#include <utility>
#include <vector>

namespace sidestep::detail {

/// Everything comes in, as the slot that it travels in.
template <std::size_t Target>
struct AnyEntry {
  using Element = Slot;
  using Value = Slot;
  static constexpr std::size_t target = Target;
  template <std::size_t New>
  using at = AnyEntry<New>;

  static bool wants(const Slot&) { return true; }
  static Sequence number(const Slot& slot) { return slot.sequence; }
  static const Slot& value(const Slot& slot) { return slot; }
};

/// A source of several event types that are only known at run time. Its pipeline also meets types that it didn't ask
/// for (those of its neighbours in a batch), so a filter must follow.
inline auto any_event(CallbackContext& run, std::vector<EventId> types, Stream stream) {
  PipelineOptions options;
  options.name = options.owner = run.name;
  options.settings = run.settings;
  options.stream = stream;
  options.types = std::move(types);
  return Pipe<Slot, Flow<std::index_sequence<>, AnyEntry<open_end>>, TypeList<>>{&run.bus, std::move(options), {}};
}

}  // namespace sidestep::detail
