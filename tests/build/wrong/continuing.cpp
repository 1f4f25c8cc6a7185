// What is to be told of an error and go on takes something else.
// expect-words: string view
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  sidestep::Bus bus;
  bus.on<sidestep::BatchEnd>() | sidestep::map(&sidestep::BatchEnd::loss)
      | sidestep::on_error_continue([](int) {})  // expect-error-line
      | sidestep::subscribe([](double) {});
}
