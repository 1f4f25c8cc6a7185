// A window without a bound.
// expect-words: a window needs its bound
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>()
      | sidestep::window()  // expect-error-line
      | sidestep::mean(&sidestep::BatchEnd::loss) | sidestep::subscribe([](double) {});
}
