// A mean of what is no window.
// expect-words: window
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>()
      | sidestep::mean(&sidestep::BatchEnd::loss)  // expect-error-line
      | sidestep::subscribe([](double) {});
}
