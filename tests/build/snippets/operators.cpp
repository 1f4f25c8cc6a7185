#include <sidestep/operators.hpp>

#include <fmt/format.h>

using namespace sidestep;

void prints_means(Bus& bus) {
  //> bus.on<BatchEnd>() | every(100)
}

namespace own {
void print(double loss);
//> struct rising {
void prints_rising(Bus& bus) {
  //> bus.on<BatchEnd>() | map(&BatchEnd::loss) | rising
}
}  // namespace own
