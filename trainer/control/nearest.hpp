#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace sidestep {

/// How many letters must be added, removed, replaced or swapped with their neighbour to make one word of the other.
/// (Optimal string alignment: Damerau 1964 without editing a swapped pair again.) '-' and '_' count as one letter,
/// capitals as small ones.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The name that was probably meant, or "" if none is near: at most a third of the letters may be wrong. The beginning
/// of a name, from three letters on, is near too.
std::string_view nearest(std::string_view word, std::span<const std::string_view> names);

/// What to say behind "unknown ...": "Did you mean 'lenet'?", or else all there are: "There are mlp and lenet."
std::string did_you_mean(std::string_view word, std::span<const std::string_view> names);

}  // namespace sidestep
