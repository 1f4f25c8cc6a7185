// What is to be called with an error's text returns something else.
// expect-words: string view
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>() | sidestep::map(&sidestep::BatchEnd::loss)
      | sidestep::catch_error([](std::string_view) { return "none"; })  // expect-error-line
      | sidestep::subscribe([](double) {});
}
