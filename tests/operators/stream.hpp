#pragma once

#include "operators/driven.hpp"

#include <string>
#include <string_view>

/// Streams of numbers for the tests of operators.
namespace sidestep::test {

/// Runs a marble through a chain on a bus with a clock that goes on by 1 ns for each character, and says what came out
/// and when.
///
///   marble("-1--2-|", [](auto in) { return std::move(in) | map(...); })  ->  "1:10 4:20 6:|"
///
/// A digit is an event with that value, '|' the end of the stream, anything else nothing. After each character the bus
/// is idle once, so operators that wait for time get a tick.
template <class Build>
std::string marble(std::string_view input, Build build) {
  ManualClock clock;
  Bus bus({.clock = &clock, .thread = false});
  std::string output;
  struct Sink {
    ManualClock& clock;
    std::string& output;
    void write(const std::string& what) {
      if (!output.empty()) output += ' ';
      output.append(std::to_string(clock.now())).append(1, ':').append(what);
    }
    void operator()(double value) { write(text_of(value)); }
    void end() { write("|"); }
  };
  build(bus.on<Number>() | map(&Number::value)) | subscribe(Sink{clock, output});
  Producer producer = bus.producer("test");
  for (std::size_t i = 0; i < input.size(); ++i) {
    clock.set(static_cast<Nanoseconds>(i));
    if (input[i] == '|') {
      bus.close();
      break;
    }
    if (input[i] >= '0' && input[i] <= '9') producer.publish(Number{static_cast<double>(input[i] - '0')});
    while (bus.poll()) {
    }
  }
  return output;
}

}  // namespace sidestep::test
