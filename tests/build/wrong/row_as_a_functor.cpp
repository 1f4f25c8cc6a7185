// A piece of a chain where a function of a value is called.
// expect-words: what the stage before it emits
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>() | sidestep::map(&sidestep::BatchEnd::loss)
      | sidestep::map(sidestep::skip(1) | sidestep::take(2))  // expect-error-line
      | sidestep::subscribe([](double) {});
}
