// What decides captures: perhaps a constant, perhaps a state; the programmer says.
// expect-words: this end captures
// clang-format off
#include <sidestep/sidestep.hpp>

int main() {
  sidestep::Bus bus;
  sidestep::Control control;
  const char* why = "enough";
  bus.on<sidestep::BatchEnd>() | sidestep::take(1)
      | sidestep::decide(control, [why](const sidestep::BatchEnd&) { return sidestep::Stop{why}; });  // expect-error-line
}
