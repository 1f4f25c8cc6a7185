#pragma once

#include "operators/stream.hpp"

#include <sidestep/operators/notification.hpp>
#include <sidestep/operators/time_interval.hpp>
#include <sidestep/operators/timestamp.hpp>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

/// Runs marble diagrams, as they stand in the operators' doc comments.
namespace sidestep::test {

inline std::string shown(double value) { return text_of(value); }
inline std::string shown(bool value) { return value ? "true" : "false"; }
inline std::string shown(int value) { return std::to_string(value); }
inline std::string shown(std::int64_t value) { return std::to_string(value); }
inline std::string shown(std::uint64_t value) { return std::to_string(value); }
inline std::string shown(const std::string& value) { return value; }
template <class A, class B>
std::string shown(const std::pair<A, B>& value) {
  return shown(value.first) + "," + shown(value.second);
}
inline std::string shown(const OtherNumber& event) { return shown(event.value); }
template <class V>
std::string shown(const Timestamped<V>& value) {
  return shown(value.value) + "@" + shown(value.stamp);
}
template <class V>
std::string shown(const TimeInterval<V>& value) {
  return shown(value.value) + "+" + shown(value.interval);
}
template <class V>
std::string shown(const Notification<V>& what) {
  return what.completed() ? "(end)" : "(" + shown(*what.value) + ")";
}
template <class T>
std::string shown(const std::vector<T>& values) {
  std::string text = "[";
  for (const T& value : values) text += (text.size() > 1 ? "," : "") + shown(value);
  return text + "]";
}
template <class T, std::size_t N>
std::string shown(const std::array<T, N>& values) {
  return shown(std::vector<T>(values.begin(), values.end()));
}

/// One drawn line: each text at its time, or behind what is in its place.
class DrawnLine {
 public:
  explicit DrawnLine(const ManualClock& clock) : clock_(clock) {}
  void write(const std::string& what) {
    text_.resize(std::max(text_.size(), static_cast<std::size_t>(clock_.now())), '-');
    text_ += what;
  }
  const std::string& text() const { return text_; }

 private:
  const ManualClock& clock_;
  std::string text_;
};

struct DrawingSink {
  DrawnLine& output;
  void operator()(const auto& value) { output.write(shown(value)); }
  void end() { output.write("|"); }
};

template <Event E>
auto drawn_source(Bus& bus) {
  return bus.on<E>() | map([](const E& event) {
           if (std::isinf(event.value)) throw MarbleError("#");
           return event.value;
         });
}

/// For of_type: one source of the events of both inputs.
using A = Number;
using B = OtherNumber;
auto both(const auto& a, const auto&) { return bus_of(a)->template on<A, B>(); }

/// What comes out of a chain, drawn. A digit of an input is an event with that value, '#' one at which the source
/// throws, '|' the end of the stream (of all inputs at once), anything else nothing; the clock goes on by 1 ns for each
/// character, and then the bus is idle once, so operators that wait for time get a tick. A pipeline that failed is
/// drawn as '#'.
template <int inputs, class Build>
std::string drawn(const std::array<std::string_view, static_cast<std::size_t>(inputs)>& marbles, Build build) {
  ManualClock clock;
  Bus bus({.clock = &clock, .thread = false});
  DrawnLine output(clock);
  const Handle handle = [&] {
    if constexpr (inputs == 1)
      return build(drawn_source<Number>(bus)) | subscribe(DrawingSink{output});
    else if constexpr (inputs == 2)
      return build(drawn_source<Number>(bus), drawn_source<OtherNumber>(bus)) | subscribe(DrawingSink{output});
    else
      return build(drawn_source<Number>(bus), drawn_source<OtherNumber>(bus), drawn_source<ThirdNumber>(bus)) |
             subscribe(DrawingSink{output});
  }();
  Producer producer = bus.producer("test");
  std::size_t longest = 0;
  for (const std::string_view marble : marbles) longest = std::max(longest, marble.size());
  bool failed = false;
  for (std::size_t at = 0; at < longest; ++at) {
    clock.set(static_cast<Nanoseconds>(at));
    bool ends = false;
    for (std::size_t i = 0; i < marbles.size(); ++i) {
      const char what = at < marbles[i].size() ? marbles[i][at] : '-';
      ends |= what == '|';
      if (what != '#' && (what < '0' || what > '9')) continue;
      const double value = what == '#' ? HUGE_VAL : what - '0';
      if (i == 0)
        producer.publish(Number{value});
      else if (i == 1)
        producer.publish(OtherNumber{value});
      else
        producer.publish(ThirdNumber{value});
    }
    if (ends)
      bus.close();
    else
      while (bus.poll()) {
      }
    if (!handle->queues().empty()) bus.flush();  // what was handed to other threads is handled there
    if (handle->failed() && !std::exchange(failed, true)) output.write("#");
    if (ends) break;
  }
  return output.text();
}

}  // namespace sidestep::test
