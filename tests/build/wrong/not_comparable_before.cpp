// What must differ from the value before it has no ==.
// expect-words: needs equality
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>()
      | sidestep::distinct_until_changed()  // expect-error-line
      | sidestep::subscribe([](const auto&) {});
}
