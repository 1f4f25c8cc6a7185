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

/// Is told of each text that is interned, before anybody has its name.
class NameListener {
 public:
  /// Called under the table's lock: it must not intern.
  virtual void named(Name name, std::string_view text) noexcept = 0;

 protected:
  ~NameListener() = default;
};
/// Tells it of all texts that there are, and of each new one until unlisten_to_names returns.
void listen_to_names(NameListener& listener);
void unlisten_to_names(NameListener& listener) noexcept;

}  // namespace sidestep
