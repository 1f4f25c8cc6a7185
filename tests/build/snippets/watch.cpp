#include <sidestep/bus.hpp>

#include <fmt/format.h>

using namespace std::chrono_literals;

void watches() {
  //> #include <sidestep/bus/shared_bus.hpp>
}
