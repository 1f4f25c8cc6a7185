#pragma once

#include "operators/drawn.hpp"

#include <functional>

/// What every operator's own test asks of its chain.
namespace sidestep::test {

/// What comes out of a chain on a bus, with its moments; the test may answer each value.
struct Watched {
  const ManualClock& clock;
  std::string output;
  bool ended = false;
  std::function<void()> on_value;

  void value(const std::string& what);
};

/// Puts the chain on a bus whose events are Numbers; infinity is one at which the source throws.
using Attach = std::function<Handle(Bus&, Watched&)>;

/// Over random streams, beside the same chain undisturbed: an error of the source and the end of the subscription, each at every position
/// (what had come out by then is all that comes, and no end), and a handler that publishes what the chain listens to (its events come
/// behind all that was there, as if somebody else had published them).
void expect_usual_cases_of(const Attach& chain, bool emits = true);

struct WatchedSink {
  Watched* watched;
  void operator()(const auto& value) { watched->value(shown(value)); }
  void end() { watched->ended = true; }
};
template <class Build>
void expect_usual_cases(Build build, bool emits = true) {
  expect_usual_cases_of([build](Bus& bus, Watched& watched) { return build(drawn_source<Number>(bus)) | subscribe(WatchedSink{&watched}); },
                        emits);
}

}  // namespace sidestep::test
