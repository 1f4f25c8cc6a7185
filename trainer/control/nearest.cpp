#include <sidestep/trainer/control/nearest.hpp>

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace sidestep {
namespace {

char folded(char c) { return c == '-' ? '_' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same(char a, char b) { return folded(a) == folded(b); }

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // rows of the table of distances between beginnings: two back, one back, now
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  std::iota(above.begin(), above.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same(a[i - 1], b[j - 1]) ? 0 : 1)});
      if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> names) {
  std::string_view best;
  std::size_t best_distance = 0;
  for (const std::string_view name : names) {
    const bool begins = word.size() >= 3 && name.starts_with(word);
    const std::size_t distance = begins ? 1 : edit_distance(word, name);
    if (distance > std::max<std::size_t>(1, std::max(word.size(), name.size()) / 3)) continue;
    if (distance == word.size()) continue;  // not a letter in common
    if (best.empty() || distance < best_distance) {
      best = name;
      best_distance = distance;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> names) {
  if (const std::string_view name = nearest(word, names); !name.empty()) return fmt::format("Did you mean '{}'?", name);
  if (names.empty()) return "There are none.";
  if (names.size() == 1) return fmt::format("There is only {}.", names[0]);
  return fmt::format("There are {} and {}.", fmt::join(names.first(names.size() - 1), ", "), names.back());
}

}  // namespace sidestep
