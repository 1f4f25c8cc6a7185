// Goes on with a chain of another type when one fails.
// expect-words: that emits the same type
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>()
      | sidestep::on_error_resume(bus.on<sidestep::EpochEnd>())  // expect-error-line
      | sidestep::subscribe([](const sidestep::BatchEnd&) {});
}
