// A merge of two types.
// expect-words: merge takes chains of one type
// clang-format off
#include <sidestep/operators.hpp>

int main() {
  sidestep::Bus bus;
  auto losses = bus.on<sidestep::BatchEnd>() | sidestep::map(&sidestep::BatchEnd::loss);
  auto steps = bus.on<sidestep::BatchEnd>() | sidestep::map(&sidestep::BatchEnd::step);
  merge(std::move(losses), std::move(steps))  // expect-error-line
      | sidestep::subscribe([](double) {});
}
