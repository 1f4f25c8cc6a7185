// A thread of its own in a piece of a chain within a branch.
// expect-words: observe on stands
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>() | sidestep::map(&sidestep::BatchEnd::loss)
      | sidestep::share(sidestep::observe_on(sidestep::io) | sidestep::take(1))  // expect-error-line
      | sidestep::subscribe([](double) {});
}
