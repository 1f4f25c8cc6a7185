#pragma once

#include <sidestep/trainer/control/callback.hpp>

#include <optional>
#include <span>
#include <string_view>

namespace sidestep {

class CallbackArguments;

/// An option of a callback, for people.
struct CallbackOption {
  std::string_view name, type, standard, meaning;  ///< `standard`: its default, as one would write it
};

/// An option that it has in the framework whose name it bears, and not here.
struct ForeignOption {
  std::string_view name, mend;  ///< `mend`: a sentence
};

/// A callback that goes by a name. Each says it of itself, at the end of its own .cpp, in a constant NAME_entry; a row
/// in registry.cpp names that.
struct CallbackEntry {
  std::string_view name, summary;
  std::span<const CallbackOption> options{};
  /// Null: it takes functions, so it is for programs alone.
  Callback (*make)(const CallbackArguments& given) = nullptr;
  /// What `sidestep train` gives it unless it is told otherwise: `monitor=val/loss,patience=3`, or nothing. None: it
  /// isn't run by default.
  std::optional<std::string_view> by_default{};
  std::span<const ForeignOption> elsewhere{};
};

}  // namespace sidestep
