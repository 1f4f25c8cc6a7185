#pragma once

#include <cstdint>
#include <string_view>

namespace sidestep {

/// A string that was interned once, so that an event can carry it in four bytes. Equal strings have equal names.
/// The number depends on the order of interning: what is stored on disk is the text, never the number.
struct Name {
  std::uint32_t id = 0;  ///< 0: the empty string

  friend bool operator==(Name, Name) = default;
  std::string_view text() const;
};

/// Interns `text`; thread-safe, takes a lock: at set-up, not on the hot path. The text lives as long as the process.
Name intern(std::string_view text);

}  // namespace sidestep
