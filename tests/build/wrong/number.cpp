// A window of a bare number: of values, or of what?
// expect-words: a window needs its bound
// clang-format off
#include <sidestep/sidestep.hpp>

int main() {
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>()
      | sidestep::window(10)  // expect-error-line
      | sidestep::mean(&sidestep::BatchEnd::loss) | sidestep::subscribe([](double) {});
}
