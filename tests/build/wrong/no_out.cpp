// An operator of one's own that doesn't say what it emits.
// expect-words: what it emits
// clang-format off
#include <sidestep/operators.hpp>

struct Rising {
  double last = -1e300;
  void operator()(double value, auto&& out) {
    if (value > last) out(value);
    last = value;
  }
};

int main() {
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>() | sidestep::map(&sidestep::BatchEnd::loss)
      | Rising{}  // expect-error-line
      | sidestep::subscribe([](double) {});
}
