#include <sidestep/trainer/control/spec.hpp>

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace sidestep {
namespace {

/// The text up to the next ',' that has no '\' before it, without the backslashes; `rest` becomes what follows that
/// ',', and nothing where there is none.
std::string next_option(std::optional<std::string_view>& rest) {
  const std::string_view text = *rest;
  std::string option;
  std::size_t place = 0;
  for (; place < text.size() && text[place] != ','; ++place) {
    if (text[place] == '\\' && place + 1 < text.size()) ++place;
    option += text[place];
  }
  rest = place < text.size() ? std::optional(text.substr(place + 1)) : std::nullopt;
  return option;
}

}  // namespace

const std::string* Spec::find(std::string_view key) const noexcept {
  const auto found = std::ranges::find(options, key, &std::pair<std::string, std::string>::first);
  return found == options.end() ? nullptr : &found->second;
}

std::string Spec::text() const {
  std::string written = name;
  char before = ':';
  for (const auto& [key, value] : options) {
    written += std::exchange(before, ',') + key + '=';
    for (const char letter : value) {
      if (letter == ',' || letter == '\\') written += '\\';
      written += letter;
    }
  }
  return written;
}

Spec parse_spec(std::string_view text) {
  const std::size_t colon = text.find(':');
  Spec spec{.name = std::string(text.substr(0, colon)), .options = {}};
  if (spec.name.empty() || spec.name.find_first_of("=, ") != std::string::npos)
    throw SpecError(fmt::format("'{}' doesn't begin with a name. Write NAME or NAME:key=value,key=value.", text));
  if (colon == std::string_view::npos) return spec;
  for (std::optional<std::string_view> rest = text.substr(colon + 1); rest;) {
    const std::string option = next_option(rest);
    if (option.empty() && !rest)
      throw SpecError(fmt::format("'{}' ends where an option should follow. Write NAME:key=value,key=value.", text));
    const std::size_t equals = option.find('=');
    if (equals == std::string::npos || equals == 0)
      throw SpecError(fmt::format("'{}' in '{}' isn't an option. Write key=value.", option, text));
    std::string key = option.substr(0, equals);
    if (spec.find(key) != nullptr) throw SpecError(fmt::format("'{}' gives {} twice. Leave one out.", text, key));
    spec.options.emplace_back(std::move(key), option.substr(equals + 1));
  }
  return spec;
}

}  // namespace sidestep
