// A mean of structs, of which no member is named.
// expect-words: name a member
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>() | sidestep::window(sidestep::count(3))
      | sidestep::mean()  // expect-error-line
      | sidestep::subscribe([](double) {});
}
