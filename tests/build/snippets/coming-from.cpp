#include <sidestep/bus.hpp>
#include <sidestep/operators.hpp>

#include <fmt/format.h>

#include <cstdio>

using namespace sidestep;

void tells_of_failures(Bus& bus) {
  //> bus.on<PipelineFailed>()
}
