#include <sidestep/kernels/cpu/hand/make_table.hpp>

namespace sidestep::kernels::cpu {

const HandKernels& avx2_kernels() {
  static constexpr HandKernels table = make_table<8>();
  return table;
}

}  // namespace sidestep::kernels::cpu
