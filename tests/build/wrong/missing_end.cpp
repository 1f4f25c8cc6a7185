// A chain without an end: nothing would ever listen. It is a warning; with this option, as a project may well say, an error.
// compile-with: -Werror=unused-result
// expect-words: this pipeline has no end: add subscribe(...) or decide(...)
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>() | sidestep::map(&sidestep::BatchEnd::loss)
      | sidestep::window(sidestep::count(10)) | sidestep::mean();  // expect-error-line
}
