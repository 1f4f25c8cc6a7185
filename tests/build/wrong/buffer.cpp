// A buffer of a window that may hold any number of values.
// expect-words: this buffer needs its bound
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  using namespace std::chrono_literals;
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>()
      | sidestep::buffer(sidestep::session(1s))  // expect-error-line
      | sidestep::subscribe([](const auto&) {});
}
