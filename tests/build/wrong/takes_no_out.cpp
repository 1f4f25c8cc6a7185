// An operator of one's own that has nothing to emit with.
// expect-words: takes no out
// clang-format off
#include <sidestep/operators.hpp>

struct Doubled {
  template <class In> using out = double;
  double operator()(double value) { return value * 2; }
};

int main() {
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>() | sidestep::map(&sidestep::BatchEnd::loss)
      | Doubled{}  // expect-error-line
      | sidestep::subscribe([](double) {});
}
