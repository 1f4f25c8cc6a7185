// A function where a stage should stand.
// expect-words: say map
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>() | sidestep::map(&sidestep::BatchEnd::loss)
      | [](double loss) { return loss * 2; }  // expect-error-line
      | sidestep::subscribe([](double) {});
}
