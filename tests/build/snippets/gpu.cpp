#include <sidestep/kernels.hpp>

using namespace sidestep::kernels;

void trains(const NetworkSpec& network) {
  //> #include <sidestep/kernels/cuda_backend.hpp>
}
