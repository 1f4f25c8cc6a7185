#pragma once

#include <sidestep/bus/types.hpp>

#include <stdexcept>
#include <string>
#include <string_view>

namespace sidestep {

/// When a decision takes effect that was caused by batch s.
struct Sync {
  enum class Mode : std::uint8_t {
    relaxed,  ///< at the first boundary at which it has arrived
    lag       ///< exactly at boundary s + k
  };
  static constexpr int longest_lag = 1024;

  Mode mode = Mode::lag;
  int k = 2;

  constexpr bool relaxed() const noexcept { return mode == Mode::relaxed; }
  /// "relaxed", "lag:2", "lockstep".
  std::string text() const;
  friend bool operator==(const Sync&, const Sync&) = default;
};

struct SyncError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

/// At the first boundary at which it has arrived: nobody waits, no two runs need be equal.
inline constexpr Sync relaxed{Sync::Mode::relaxed, 0};
/// k batches later, whatever the scheduler does. Throws SyncError if k is below 0 or above 1024.
constexpr Sync lag(int k) {
  if (k < 0 || k > Sync::longest_lag) throw SyncError("lag(k) takes a k from 0 to 1024");
  return {Sync::Mode::lag, k};
}
/// Before the next step begins: lag(0).
inline constexpr Sync lockstep = lag(0);

/// Reads what Sync::text() writes. Throws SyncError.
Sync parse_sync(std::string_view text);

}  // namespace sidestep
