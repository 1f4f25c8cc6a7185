// The event log by itself; `./dev bench bus` measures it beside the bus.
#include <log_suite.hpp>
#include <suite.hpp>

int main(int argc, char** argv) {
  sidestep::bench::log_suite::add();
  return sidestep::bench::run(argc, argv, sidestep::bench::interleaved);
}
