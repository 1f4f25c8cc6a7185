// A piece of a chain in which something stands behind the end.
// expect-words: its end already
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>() | sidestep::map(&sidestep::BatchEnd::loss)
      | (sidestep::subscribe([](double) {}) | sidestep::take(1));  // expect-error-line
}
