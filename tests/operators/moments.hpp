#pragma once

#include "operators/events.hpp"

#include <concepts>
#include <cstring>
#include <optional>
#include <random>
#include <string>
#include <vector>

/// Streams of values and ticks, of one input and of two.
namespace sidestep::test {

/// One element of a stream: a value, or (without) a tick.
struct Moment {
  Nanoseconds at;
  std::optional<double> value;
};
using Moments = std::vector<Moment>;

/// One element of two streams: to the first (0), the second (1) or both (2); without a value a tick.
struct Arrival {
  Nanoseconds at;
  int which;
  std::optional<double> value;
};
using Arrivals = std::vector<Arrival>;

inline Slot slot_of(const Moment& moment, Sequence number) {
  Slot slot{};
  slot.sequence = number;
  slot.stamp = moment.at;
  slot.type = Number::id;
  slot.size = sizeof(Number);
  const Number event{moment.value.value_or(0)};
  std::memcpy(slot.body, &event, sizeof event);
  return slot;
}
template <std::same_as<Arrival> A>  // {1, 2.0} is a Moment
Slot slot_of(const A& arrival, Sequence number) {
  Slot slot = slot_of(Moment{arrival.at, arrival.value}, number);
  slot.type = arrival.which == 0 ? Number::id : arrival.which == 1 ? OtherNumber::id : BothNumber::id;
  return slot;
}

inline std::string shown_in_stream(const Moment& one) {
  return std::to_string(one.at) + (one.value ? ":" + text_of(*one.value) : "t");
}
inline std::string shown_in_stream(const Arrival& one) {
  return std::to_string(one.at) + (one.value ? std::string(1, "abc"[one.which]) + text_of(*one.value) : "t");
}

/// A random stream of few different values, with ticks, repeated stamps, and now and then no number at all. Every other
/// one is out of order here and there: values and ticks alike, by more than the intervals that the tests have.
inline Moments random_moments(std::mt19937_64& random) {
  Moments stream(random() % 24);
  const bool in_order = random() % 2 == 0;
  Nanoseconds at = static_cast<Nanoseconds>(random() % 10);
  for (Moment& moment : stream) {
    at += static_cast<Nanoseconds>(random() % 4);
    const bool late = !in_order && random() % 4 == 0;
    moment.at = late ? at - static_cast<Nanoseconds>(random() % 12) : at;
    const auto kind = random() % 16;
    if (kind == 0)
      moment.value = std::nan("");
    else if (kind > 3)
      moment.value = static_cast<double>(random() % 5);
  }
  return stream;
}

template <class T>
std::vector<T> random_stream(std::mt19937_64& random);
template <>
inline Moments random_stream<Moment>(std::mt19937_64& random) {
  return random_moments(random);
}
template <>
inline Arrivals random_stream<Arrival>(std::mt19937_64& random) {
  Arrivals arrivals;
  for (const Moment& moment : random_moments(random))
    arrivals.push_back({moment.at, static_cast<int>(random() % 5) / 2, moment.value});
  return arrivals;
}
inline Moments random_stream(std::mt19937_64& random) { return random_moments(random); }

}  // namespace sidestep::test
