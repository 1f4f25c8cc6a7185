#pragma once

#include "operators/drawn.hpp"

#include <functional>
#include <string>
#include <vector>

/// What every operator's own test asks of its chain.
namespace sidestep::test {

/// What comes out of a chain on a bus, with its moments; the test may answer each value.
struct Watched {
  const ManualClock& clock;
  std::string output;
  bool ended = false;
  std::function<void()> on_value;
  std::vector<std::string> values{};  ///< the same, without their moments
  bool tick_fails = false;
  /// The bus has closed: the test looks at what the chain holds, if it holds something.
  std::function<void()> when_over{};

  void value(const std::string& what);
};

/// Puts the chain on a bus whose events are Numbers; infinity is one at which the source throws.
using Attach = std::function<Handle(Bus&, Watched&)>;

/// Over random streams, beside the same chain undisturbed: an error of the source and the end of the subscription, each
/// at every position (what had come out by then is all that comes, and no end), and a handler that publishes what the
/// chain listens to (its events come behind all that was there, as if somebody else had published them). `at_ticks`:
/// the same chain behind a stage that throws at a tick when `tick_fails`.
void expect_usual_cases_of(const Attach& chain, bool emits = true, const Attach& at_ticks = {});

/// For chains with an end of their own, before it: what passes.
struct watched_by {
  Watched* watched;
  template <class In>
  using out = In;
  template <class In>
  void operator()(const In& value, auto&& out) {
    watched->value(shown(value));
    out(value);
  }
  void end(auto&&) { watched->ended = true; }
};

struct fails_at_a_tick {
  Watched* watched;
  template <class In>
  using out = In;
  void operator()(double value, auto&& out) { out(value); }
  void tick(auto&&) {
    if (watched->tick_fails) throw MarbleError("at a tick");
  }
};

struct WatchedSink {
  Watched* watched;
  void operator()(const auto& value) { watched->value(shown(value)); }
  void end() { watched->ended = true; }
};
template <class Build>
void expect_usual_cases(Build build, bool emits = true) {
  expect_usual_cases_of(
      [build](Bus& bus, Watched& watched) {
        return build(drawn_source<Number>(bus)) | subscribe(WatchedSink{&watched});
      },
      emits,
      [build](Bus& bus, Watched& watched) {
        return build(drawn_source<Number>(bus) | fails_at_a_tick{&watched}) | subscribe(WatchedSink{&watched});
      });
}

/// Of two inputs: even numbers come in by the first, odd ones by the second.
template <class Build>
void expect_usual_cases_of_two(Build build) {
  const auto half = [](auto in, int odd) {
    return std::move(in) | filter([odd](double x) { return static_cast<int>(x) % 2 == odd; });
  };
  expect_usual_cases_of(
      [=](Bus& bus, Watched& watched) {
        return build(half(drawn_source<Number>(bus), 0), half(drawn_source<Number>(bus), 1)) |
               subscribe(WatchedSink{&watched});
      },
      true,
      [=](Bus& bus, Watched& watched) {
        const auto failing = [&](int odd) { return half(drawn_source<Number>(bus) | fails_at_a_tick{&watched}, odd); };
        return build(failing(0), failing(1)) | subscribe(WatchedSink{&watched});
      });
}

}  // namespace sidestep::test
