#pragma once

#include <sidestep/operators/all.hpp>
#include <sidestep/trainer/control/control.hpp>
#include <sidestep/trainer/control/decide.hpp>
#include <sidestep/trainer/control/loop.hpp>

#include <string>
#include <string_view>

/// Runs the marble diagrams of decide, as they stand in its doc comment.
namespace sidestep::test {

/// A training loop in lockstep; a digit is a step, and the loss of its batch. Draws at which boundary it stops.
template <class Build>
std::string decided(std::string_view losses, Build build) {
  Bus bus({.thread = false});
  Control control;
  build(bus.on<BatchEnd>() | map(&BatchEnd::loss), control);
  auto loop = control.attach(bus, {.sync = lockstep});
  loop.publish(FitBegin{.last_step = static_cast<Step>(losses.size())});
  std::string drawn;
  Step step = 0;
  for (const char what : losses.substr(0, losses.find('|'))) {
    if (what != '-') {
      loop.publish(BatchEnd{.step = ++step, .loss = static_cast<double>(what - '0')});
      loop.boundary();
    }
    drawn += loop.stopped() ? "stop" : "-";
    if (loop.stopped()) break;
  }
  loop.finish();
  return drawn;
}

}  // namespace sidestep::test
