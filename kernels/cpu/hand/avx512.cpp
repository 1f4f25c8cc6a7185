#include <sidestep/kernels/cpu/hand/make_table.hpp>

namespace sidestep::kernels::cpu {

const HandKernels& avx512_kernels() {
  static constexpr HandKernels table = make_table<16>();
  return table;
}

}  // namespace sidestep::kernels::cpu
