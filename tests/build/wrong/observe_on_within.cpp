// A thread of its own within a branch.
// expect-words: observe on stands
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>() | sidestep::map(&sidestep::BatchEnd::loss)
      | sidestep::share([](auto in) { return std::move(in) | sidestep::observe_on(sidestep::io); })  // expect-error-line
      | sidestep::subscribe([](double) {});
}
