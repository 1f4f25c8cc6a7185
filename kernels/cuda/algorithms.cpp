#include <sidestep/kernels/cuda/algorithms.hpp>

#include <fmt/format.h>

#include <charconv>

#include <sidestep/kernels/error.hpp>

namespace sidestep::kernels::cuda {

Algorithms::Algorithms(std::string_view text) {
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    const auto entry = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (entry.empty()) continue;
    const auto equals = entry.find('=');
    int number = 0;
    const auto digits = equals == entry.npos ? std::string_view{} : entry.substr(equals + 1);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (digits.empty() || parsed.ec != std::errc{} || parsed.ptr != digits.data() + digits.size())
      throw Error(
          fmt::format("'{}' names no convolution's algorithm; expected something like conv1.forward@64=1", entry));
    chosen_[std::string(entry.substr(0, equals))] = number;
  }
}

std::optional<int> Algorithms::find(const std::string& name) const {
  const auto found = chosen_.find(name);
  return found == chosen_.end() ? std::nullopt : std::optional<int>(found->second);
}

std::string Algorithms::text() const {
  std::string text;
  for (const auto& [name, number] : chosen_) text += fmt::format("{}{}={}", text.empty() ? "" : " ", name, number);
  return text;
}

}  // namespace sidestep::kernels::cuda
