#pragma once

#include "operators/answered.hpp"
#include "operators/cut.hpp"
#include "operators/drawn.hpp"
#include "operators/reference.hpp"

#include <gtest/gtest.h>

/// Scripts for operators of two inputs.
namespace sidestep::test {

struct ScriptSink {
  std::string& output;
  void write(const std::string& what) { output.append(output.empty() ? "" : " ").append(what); }
  void operator()(const auto& value) { write(shown(value)); }
  void end() { write("|"); }
};

/// Runs a script through a chain and says what came out, when it ended ("|") and that it failed ("#").
///
///   script("a1 b2 |", [](auto a, auto b) { return zip(std::move(a), std::move(b)); })  ->  "1,2 |"
///
/// a1, b1, c1: an event of the first input, the second, of both. x, y: one at which the first, the second throws. @5:
/// it is 5 ns now (before, the clock goes on by one with each word). ?: says whether it is over. !: the pipeline is
/// ended by its handle. |: the stream ends. Behind each word the bus is idle once, which is a tick.
template <class Build>
std::string script(std::string_view input, Build build, std::string* error = nullptr) {
  ManualClock clock;
  std::string output;
  ScriptSink sink{output};
  Bus bus({.clock = &clock, .thread = false});
  const Handle handle = [&] {
    if constexpr (std::is_invocable_v<Build&, decltype(input_of<Number>(bus))>)
      return build(input_of<Number>(bus)) | subscribe(sink);
    else
      return build(input_of<Number>(bus), input_of<OtherNumber>(bus)) | subscribe(sink);
  }();
  Producer producer = bus.producer("test");
  bool failed = false;
  for (std::size_t at = 0; at < input.size();) {
    const std::string_view word = input.substr(at, input.find(' ', at) - at);
    at += word.size() + 1;
    const double value = word.size() > 1 ? std::atof(std::string(word.substr(1)).c_str()) : HUGE_VAL;
    if (word[0] == '@') {
      clock.set(static_cast<Nanoseconds>(value));
      continue;
    }
    if (word[0] == 'a' || word[0] == 'x') producer.publish(Number{value});
    if (word[0] == 'b' || word[0] == 'y') producer.publish(OtherNumber{value});
    if (word[0] == 'c') producer.publish(BothNumber{value});
    if (word[0] == '?') sink.write(handle->life() == Subscription::Life::completed ? "over" : "on");
    if (word[0] == '!') handle->end();
    if (word[0] == '|')
      bus.close();
    else
      while (bus.poll()) {
      }
    if (handle->failed() && !std::exchange(failed, true)) {
      sink.write("#");
      if (error != nullptr) *error = handle->error();
    }
    clock.advance(1);
  }
  bus.close();
  return output;
}

/// What a failed pipeline says of this script.
template <class Build>
std::string words_of(std::string_view input, Build build) {
  std::string error;
  (void)script(input, std::move(build), &error);
  return error;
}

/// Emits each value as of 100 ns before it.
struct as_of_earlier {
  template <class In>
  using out = In;
  template <class In>
  void operator()(const In& value, auto&& out) {
    out.at(out.stamp() - 100, value);
  }
  void state(auto&) {}
};

/// A functor that throws at values that are `bad`.
struct ThrowsAt {
  double bad;
  using is_pure = void;
  double operator()(double value) const {
    return value == bad ? throw std::runtime_error("thrown at " + text_of(value)) : value;
  }
};

}  // namespace sidestep::test
