// A capture before an end that decides: perhaps a constant, perhaps a state; the programmer says.
// expect-words: say pure
// clang-format off
#include <sidestep/sidestep.hpp>

int main() {
  sidestep::Bus bus;
  sidestep::Control control;
  const double limit = 3;
  bus.on<sidestep::BatchEnd>() | sidestep::map(&sidestep::BatchEnd::loss)
      | sidestep::filter([limit](double loss) { return loss > limit; })
      | sidestep::decide(control, [](double) { return sidestep::Stop{"too high"}; });  // expect-error-line
}
