#include <sidestep/trainer/control/sync.hpp>

#include <fmt/format.h>

#include <charconv>

namespace sidestep {

std::string Sync::text() const {
  if (relaxed()) return "relaxed";
  return k == 0 ? "lockstep" : fmt::format("lag:{}", k);
}

Sync parse_sync(std::string_view text) {
  if (text == "relaxed") return relaxed;
  if (text == "lockstep") return lockstep;
  if (text.starts_with("lag:")) {
    const std::string_view digits = text.substr(4);
    int k = -1;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), k);
    if (error == std::errc{} && end == digits.data() + digits.size() && k >= 0 && k <= Sync::longest_lag) return lag(k);
  }
  throw SyncError(fmt::format("'{}' is no synchrony: say relaxed, lockstep, or lag:K with K from 0 to {}", text,
                              Sync::longest_lag));
}

}  // namespace sidestep
