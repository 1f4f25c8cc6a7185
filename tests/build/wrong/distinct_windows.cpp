// What looks at values behind a window without what reduces it.
// expect-words: behind a window stands
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>() | sidestep::map(&sidestep::BatchEnd::loss) | sidestep::window(sidestep::count(10))
      | sidestep::distinct(3)  // expect-error-line
      | sidestep::subscribe([](double) {});
}
