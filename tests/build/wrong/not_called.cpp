// An end without its parentheses.
// expect-words: did you mean to call it
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>() | sidestep::map(&sidestep::BatchEnd::loss)
      | sidestep::subscribe;  // expect-error-line
}
