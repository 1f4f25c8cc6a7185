// zip as a stage of one of its chains.
// expect-words: it takes all its chains
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>()
      | sidestep::zip(bus.on<sidestep::EpochEnd>())  // expect-error-line
      | sidestep::subscribe([](const auto&) {});
}
