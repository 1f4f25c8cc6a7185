// Chains of operators beside loops by hand: see chains.hpp.
#include <chains.hpp>
#include <suite.hpp>

int main(int argc, char** argv) {
  sidestep::bench::register_chains();
  const int status = sidestep::bench::run(argc, argv, sidestep::bench::interleaved);
  sidestep::bench::print_chain_ratios();
  return status;
}
