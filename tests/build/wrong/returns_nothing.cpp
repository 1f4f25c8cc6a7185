// A map that returns nothing.
// expect-words: returns nothing
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>()
      | sidestep::map([](auto&) {})  // expect-error-line
      | sidestep::subscribe([](const auto&) {});
}
