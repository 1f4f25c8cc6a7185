// What zip calls doesn't take what the chains emit.
// expect-words: value of each
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  sidestep::Bus bus;
  zip(bus.on<sidestep::BatchEnd>(), bus.on<sidestep::EpochEnd>(), [](int a, int b) { return a + b; })  // expect-error-line
      | sidestep::subscribe([](const auto&) {});
}
