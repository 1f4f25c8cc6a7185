// Another chain joins behind a thread of its own.
// expect-words: no observe on stands before it
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>() | sidestep::observe_on(sidestep::io)
      | sidestep::take_until(bus.on<sidestep::EpochEnd>())  // expect-error-line
      | sidestep::subscribe([](const sidestep::BatchEnd&) {});
}
