#pragma once

#include "operators/stream.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

/// An operator against a slow and obvious reference, over random streams.
namespace sidestep::test {

using Values = std::vector<double>;
using Reference = std::function<Values(const Moments&)>;

inline constexpr int random_streams = 10'000;

inline Values values_of(const Moments& stream) {
  Values values;
  for (const Moment& moment : stream)
    if (moment.value) values.push_back(*moment.value);
  return values;
}

inline bool near(const Values& a, const Values& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (std::isnan(a[i]) != std::isnan(b[i]) || std::abs(a[i] - b[i]) > 1e-12) return false;
  return true;
}

/// What the chain makes of a stream, in spans of so many values at most.
template <class Build>
Values output_of(Build build, const Moments& stream, std::size_t span) {
  Driven driven(build);
  driven.run(stream.data(), stream.data() + stream.size(), span);
  driven.end(stream.empty() ? 0 : stream.back().at);
  return driven.output;
}

/// Runs a chain and its reference over random streams. The first that they don't agree on is made as short as it goes.
template <class Build>
void compare(Build build, const Reference& reference, bool in_order = false) {
  std::mt19937_64 random(5);
  for (int round = 0; round < random_streams; ++round) {
    Moments stream = random_stream(random);
    if (in_order) std::sort(stream.begin(), stream.end(), [](const Moment& a, const Moment& b) { return a.at < b.at; });
    const std::size_t span = 1 + random() % 8;
    const auto agree = [&] { return near(output_of(build, stream, span), reference(stream)); };
    if (agree()) continue;
    for (std::size_t i = 0; i < stream.size();) {
      const Moment without = stream[i];
      stream.erase(stream.begin() + static_cast<std::ptrdiff_t>(i));
      if (agree()) stream.insert(stream.begin() + static_cast<std::ptrdiff_t>(i++), without);
    }
    std::string text;
    for (const Moment& m : stream) text += std::to_string(m.at) + (m.value ? ":" + text_of(*m.value) : "t") + " ";
    text += "\n  gave     ";
    for (const double x : output_of(build, stream, span)) text += text_of(x) + " ";
    text += "\n  expected ";
    for (const double x : reference(stream)) text += text_of(x) + " ";
    FAIL() << "round " << round << ", stream " << text;
  }
}

}  // namespace sidestep::test
