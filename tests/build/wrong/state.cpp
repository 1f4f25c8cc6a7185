// A state that nobody can save, in a pipeline that is part of a checkpoint.
// expect-words: captures what a checkpoint
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  sidestep::Bus bus;
  double best = 1e300;
  bus.on<sidestep::BatchEnd>() | sidestep::map(&sidestep::BatchEnd::loss)
      | sidestep::filter([&best](double loss) { return loss < best ? (best = loss, true) : false; })
      | sidestep::subscribe(sidestep::saved, [](double) {});  // expect-error-line
}
