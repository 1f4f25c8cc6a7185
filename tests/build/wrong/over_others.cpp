// A chain over a range of something else.
// expect-words: over takes
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  return static_cast<int>(
      sidestep::over(std::vector<double>{1, 2}, sidestep::filter([](const char* text) { return text != nullptr; }) | sidestep::take(2))  // expect-error-line
          .size());
}
