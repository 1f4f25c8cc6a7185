#include <sidestep/trainer/control/numbers.hpp>

#include <charconv>
#include <cmath>

namespace sidestep {
namespace {

template <class Number>
std::optional<Number> parsed(std::string_view text) {
  // from_chars takes no plus sign
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::int64_t> whole_number(std::string_view text) { return parsed<std::int64_t>(text); }

std::optional<double> finite_number(std::string_view text) {
  const std::optional<double> value = parsed<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

}  // namespace sidestep
