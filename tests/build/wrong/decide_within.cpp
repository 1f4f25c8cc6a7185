// A decision within a branch.
// expect-words: decide stand
// clang-format off
#include <sidestep/sidestep.hpp>

int main() {
  sidestep::Bus bus;
  sidestep::Control control;
  bus.on<sidestep::BatchEnd>()
      | sidestep::share([&](auto in) { return std::move(in) | sidestep::decide(control, [](auto&) { return sidestep::Stop{"x"}; }); });  // expect-error-line
}
