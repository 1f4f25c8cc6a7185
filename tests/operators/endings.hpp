#pragma once

#include "operators/stream.hpp"

#include <stdexcept>

/// Streams that are ended from outside, and streams of several event types.
namespace sidestep::test {

/// As marble(), without times; '!' ends the pipeline by its handle, '|' is the end of the stream. "1 2 |"
template <class Build>
std::string unsubscribed(std::string_view input, Build build) {
  Bus bus({.thread = false});
  struct Sink {
    std::string& output;
    void write(const std::string& what) { output.append(output.empty() ? "" : " ").append(what); }
    void operator()(double value) { write(text_of(value)); }
    void end() { write("|"); }
  };
  std::string output;
  const Handle handle = build(bus.on<Number>() | map(&Number::value)) | subscribe(Sink{output});
  Producer producer = bus.producer("test");
  for (const char what : input) {
    if (what == '!') handle->end();
    if (what == '|') break;
    if (what >= '0' && what <= '9') producer.publish(Number{static_cast<double>(what - '0')});
    while (bus.poll()) {
    }
  }
  bus.close();
  return output;
}

/// What a chain makes of 1 ... n, which come as Number and OtherNumber in turn, through a ring whose slots are soon
/// used again: who keeps a pointer to one sees another event there.
template <class Build>
std::vector<double> of_two_types(int n, Build build) {
  Bus bus({.ring_capacity = 8, .thread = false});
  std::vector<double> output;
  build(bus.on<Number, OtherNumber>()) | subscribe([&](double value) { output.push_back(value); });
  Producer producer = bus.producer("test");
  for (int i = 1; i <= n; ++i) {
    if (i % 2 == 1)
      producer.publish(Number{static_cast<double>(i)});
    else
      producer.publish(OtherNumber{static_cast<double>(i)});
    while (bus.poll()) {
    }
  }
  bus.close();
  return output;
}

/// The number of one event of either type; the second's with a minus.
inline double number_of(const OneOf<Number, OtherNumber>& event) {
  double value = 0;
  event.visit([&](const auto& e) { value = event.slot().type == Number::id ? e.value : -e.value; });
  return value;
}

/// Whether an operator takes values of this type.
template <class Op, class V>
concept TakesValuesOf = requires(Op op) {
  std::move(op).template place<V>();
};

/// What a predicate says that must not be asked, or that fails.
[[noreturn]] inline bool asked() { throw std::runtime_error("asked"); }

/// Takes what a stage emits that the test calls by itself.
struct Emitted {
  std::vector<double>* values;
  bool* ended;
  void operator()(double value) const { values->push_back(value); }
  void done() const { *ended = true; }
  Nanoseconds stamp() const { return 0; }
  Sequence number() const { return 0; }
};

/// What a stage emits for `before`, then a fresh one that has loaded its state for `after`. (In a pipeline nothing
/// comes to a stage that has ended it; but what an event brings at once does, and its state says so by itself.)
template <class Stage, class V>
std::vector<double> reloaded_between(Stage first, Stage second, const std::vector<V>& before,
                                     const std::vector<V>& after) {
  std::vector<double> values;
  bool ended = false;
  const Emitted out{&values, &ended};
  for (const V& value : before) first(value, out);
  Archive saving;
  first.state(saving);
  const std::vector<std::byte> bytes = std::move(saving).take();
  Archive loading{std::span<const std::byte>(bytes)};
  second.state(loading);
  for (const V& value : after) second(value, out);
  return values;
}

/// The lines of a chain on Number's values.
template <class Build>
std::vector<std::string> described(Build build) {
  Driven driven(build);
  return driven.pipeline().describe();
}

}  // namespace sidestep::test
