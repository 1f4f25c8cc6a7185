// A functor that doesn't take what the stage before it emits.
// expect-words: what the stage before it emits
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>() | sidestep::map(&sidestep::BatchEnd::loss)
      | sidestep::filter([](const char* text) { return text != nullptr; })  // expect-error-line
      | sidestep::subscribe([](double) {});
}
