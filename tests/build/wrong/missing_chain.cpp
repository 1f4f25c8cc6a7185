// A source alone: nothing would ever listen. A warning, as in missing_end.cpp.
// compile-with: -Werror=unused-result
// expect-words: this pipeline has no end: add subscribe(...) or decide(...)
// clang-format off
#include <sidestep/bus.hpp>

int main() {
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>();  // expect-error-line
}
