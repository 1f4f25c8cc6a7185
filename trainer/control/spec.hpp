#pragma once
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sidestep {

/// A name with options, as one writes it on the command line: `early_stopping:monitor=val/loss,patience=10`.
///
/// The name ends at the first ':', options are divided by ',', a key ends at the first '='. So values may hold ':' and
/// '='; a ',' or '\' in a value is written '\,' or '\\'.
struct Spec {
  std::string name;
  std::vector<std::pair<std::string, std::string>> options;  ///< in the order written, each key once

  /// The value of a key, or null.
  const std::string* find(std::string_view key) const noexcept;
  /// As parse_spec reads it.
  std::string text() const;

  friend bool operator==(const Spec&, const Spec&) = default;
};

/// Something that isn't NAME[:key=value,...]. `what()` is a sentence.
struct SpecError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

/// Throws SpecError: no name, an option without '=' or key, a key twice.
Spec parse_spec(std::string_view text);

}  // namespace sidestep
