// Something behind the end of a chain.
// expect-words: end already
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>() | sidestep::subscribe([](const sidestep::BatchEnd&) {})
      | sidestep::map(&sidestep::BatchEnd::loss);  // expect-error-line
}
