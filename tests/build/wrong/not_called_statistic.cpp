// A statistic without its parentheses.
// expect-words: did you mean to call it
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>() | sidestep::map(&sidestep::BatchEnd::loss) | sidestep::window(sidestep::count(3))
      | sidestep::mean  // expect-error-line
      | sidestep::subscribe([](double) {});
}
