// A piece of a chain behind what emits something else.
// expect-words: what the stage before it emits
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  sidestep::Bus bus;
  auto doubled = sidestep::filter([](double x) { return x > 0; }) | sidestep::map([](double x) { return x * 2; });
  bus.on<sidestep::BatchEnd>()
      | doubled  // expect-error-line
      | sidestep::subscribe([](double) {});
}
