// A thread of its own in a chain over a range.
// expect-words: observe on stands
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  return static_cast<int>(
      sidestep::over(std::vector<double>{1, 2}, [](auto in) { return std::move(in) | sidestep::observe_on(sidestep::io); })  // expect-error-line
          .size());
}
