#pragma once

#include "operators/property.hpp"
#include "operators/stream.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

/// An operator against a slow and obvious reference, over random streams.
namespace sidestep::test {

using Values = std::vector<double>;
using Reference = std::function<Values(const Moments&)>;

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr int random_streams = 1'000;  // what they are after shows in few
#define SIDESTEP_FEWER_STREAMS
#endif
#endif
#ifndef SIDESTEP_FEWER_STREAMS
inline constexpr int random_streams = 10'000;
#endif

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

/// A stream of at most so many elements, of those that `kept` names, and how many of them are handed over at a time.
template <class T>
struct Drawn {
  Drawn(std::uint64_t seed, bool in_order) {
    std::mt19937_64 random(seed);
    stream = random_stream<T>(random);
    if (in_order) std::stable_sort(stream.begin(), stream.end(), [](const T& a, const T& b) { return a.at < b.at; });
    span = 1 + random() % 8;
  }
  std::vector<T> of(const std::vector<std::size_t>& kept) const {
    std::vector<T> some;
    for (const std::size_t i : kept) some.push_back(stream[i]);
    return some;
  }
  std::vector<T> stream;
  std::size_t span;
};

/// The first stream that `agree` says false to, as short as it goes; null if there is none.
template <class T>
std::optional<std::vector<T>> first_that_disagrees(bool in_order, const std::function<bool(const std::vector<T>&, std::size_t span)>& agree) {
  const auto differs = counterexample(
      random_streams, [&](std::uint64_t seed) { return Drawn<T>(seed, in_order).stream.size(); },
      [&](std::uint64_t seed, const std::vector<std::size_t>& kept) {
        const Drawn<T> drawn(seed, in_order);
        return agree(kept.size() == drawn.stream.size() ? drawn.stream : drawn.of(kept), drawn.span);
      });
  if (!differs) return std::nullopt;
  return Drawn<T>(differs->seed, in_order).of(differs->kept);
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
