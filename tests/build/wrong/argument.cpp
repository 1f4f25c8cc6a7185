// What decides doesn't take what the stage before it emits.
// expect-words: what the stage before it emits
// clang-format off
#include <sidestep/sidestep.hpp>

int main() {
  sidestep::Bus bus;
  sidestep::Control control;
  bus.on<sidestep::BatchEnd>() | sidestep::map(&sidestep::BatchEnd::loss)
      | sidestep::decide(control, [](const char*) { return sidestep::Stop{"enough"}; });  // expect-error-line
}
