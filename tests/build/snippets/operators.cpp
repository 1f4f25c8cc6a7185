#include <sidestep/operators.hpp>

#include <fmt/format.h>

using namespace sidestep;

void prints_means(Bus& bus) {
  //> bus.on<BatchEnd>() | every(100)
}

void two_smoothed(Bus& bus) {
  //> const auto smooth = filter(is_finite)
}

namespace own {
void print(double loss);
//> struct rising {
void prints_rising(Bus& bus) {
  //> bus.on<BatchEnd>() | map(&BatchEnd::loss) | rising
}
}  // namespace own
