// Among several statistics one that isn't a number by itself.
// expect-words: stats takes what emits a number
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>() | sidestep::map(&sidestep::BatchEnd::loss) | sidestep::window(sidestep::count(3))
      | sidestep::stats(sidestep::mean(), sidestep::rate())  // expect-error-line
      | sidestep::subscribe([](const auto&) {});
}
