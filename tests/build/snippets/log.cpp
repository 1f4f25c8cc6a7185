#include <sidestep/bus.hpp>

#include <fmt/format.h>

using namespace sidestep;

void records(Bus& another_bus) {
  //> sidestep::Bus bus;
}
