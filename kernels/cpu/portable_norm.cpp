#include <sidestep/kernels/cpu/hand/norm.hpp>

namespace sidestep::kernels::cpu {

const NormKernels& portable_norm_kernels() {
  static constexpr NormKernels table = make_norm_kernels<4>();
  return table;
}

}  // namespace sidestep::kernels::cpu
