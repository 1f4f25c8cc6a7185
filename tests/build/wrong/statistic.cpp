// A window that nothing reduces.
// expect-words: reduces it
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>() | sidestep::map(&sidestep::BatchEnd::loss) | sidestep::window(sidestep::count(10))
      | sidestep::subscribe([](double) {});  // expect-error-line
}
