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

/// The first stream that `agree` says false to is made as short as it goes; null if there is none.
template <class T>
std::optional<std::vector<T>> first_that_disagrees(bool in_order, const std::function<bool(const std::vector<T>&, std::size_t span)>& agree) {
  std::mt19937_64 random(5);
  for (int round = 0; round < random_streams; ++round) {
    std::vector<T> stream = random_stream<T>(random);
    if (in_order) std::stable_sort(stream.begin(), stream.end(), [](const T& a, const T& b) { return a.at < b.at; });
    const std::size_t span = 1 + random() % 8;
    if (agree(stream, span)) continue;
    for (std::size_t i = 0; i < stream.size();) {
      const T without = stream[i];
      stream.erase(stream.begin() + static_cast<std::ptrdiff_t>(i));
      if (agree(stream, span)) stream.insert(stream.begin() + static_cast<std::ptrdiff_t>(i++), without);
    }
    return stream;
  }
  return std::nullopt;
}

inline std::string text_of(const Values& values) {
  std::string text;
  for (const double x : values) text += text_of(x) + " ";
  return text;
}

/// Runs a chain of one input or of two and its reference over random streams, some of them out of order, unless `in_order`.
template <class Build>
void compare(Build build, const std::function<Values(const std::vector<ElementOf<Build>>&)>& reference, bool in_order = false) {
  using T = ElementOf<Build>;
  const auto differs = first_that_disagrees<T>(in_order, [&](const std::vector<T>& stream, std::size_t span) {
    return near(output_of(build, stream, span), reference(stream));
  });
  if (!differs) return;
  std::string text;
  for (const T& one : *differs) text += shown_in_stream(one) + " ";
  FAIL() << "stream " << text << "\n  gave     " << text_of(output_of(build, *differs, 1)) << "\n  expected " << text_of(reference(*differs));
}

/// The same, where what an operator does isn't all said by the values that come out.
inline void expect_of_random_streams(const std::function<bool(const Moments&, std::size_t span)>& holds) {
  const auto differs = first_that_disagrees<Moment>(false, holds);
  if (!differs) return;
  std::string text;
  for (const Moment& one : *differs) text += shown_in_stream(one) + " ";
  FAIL() << "stream " << text;
}

/// Feeds a pipeline as a dispatcher would, and ends it.
inline void feed(Pipeline& pipeline, const Moments& stream) {
  Sequence number = 0;
  for (const Moment& one : stream) {
    if (one.value) {
      const Slot slot = slot_of(one, ++number);
      pipeline.run(std::span(&slot, 1));
    } else {
      pipeline.mark({.kind = Mark::Kind::tick, .number = number, .stamp = one.at});
    }
  }
  pipeline.mark({.kind = Mark::Kind::end, .number = number, .stamp = stream.empty() ? 0 : stream.back().at});
}

}  // namespace sidestep::test
