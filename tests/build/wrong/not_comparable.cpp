// What is to be distinct has no ==.
// expect-words: needs equality
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>()
      | sidestep::distinct(4)  // expect-error-line
      | sidestep::subscribe([](const auto&) {});
}
