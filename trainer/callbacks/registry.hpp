#pragma once

#include <sidestep/trainer/callbacks/arguments.hpp>
#include <sidestep/trainer/callbacks/entry.hpp>
#include <sidestep/trainer/callbacks/error.hpp>
#include <sidestep/trainer/control/callback.hpp>
#include <sidestep/trainer/control/spec.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sidestep {

/// All of them, by name.
std::span<const CallbackEntry> callback_registry();

/// The callback that a spec asks for: `early_stopping:monitor=val/loss,patience=10`. Throws CallbackError: no such
/// callback or option (it says the nearest), a value of the wrong type or out of range.
Callback make_callback(const Spec& spec);

/// What `sidestep train` hangs on a run unless it is told otherwise.
std::vector<Spec> default_callbacks();

/// What `sidestep callbacks` prints: a line for each, or all about the one of this name. Throws CallbackError.
std::string describe_callbacks();
std::string describe_callback(std::string_view name);

}  // namespace sidestep
