// What decides must return a decision.
// expect-words: must return a decision
// clang-format off
#include <sidestep/sidestep.hpp>

int main() {
  sidestep::Bus bus;
  sidestep::Control control;
  bus.on<sidestep::BatchEnd>() | sidestep::map(&sidestep::BatchEnd::loss)
      | sidestep::decide(control, [](double loss) { return loss > 3; });  // expect-error-line
}
