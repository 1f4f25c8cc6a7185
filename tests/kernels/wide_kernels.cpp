#include <sidestep/kernels/cpu/hand/make_table.hpp>

namespace sidestep::kernels::test {

const cpu::HandKernels& wide_kernels() {
  static constexpr cpu::HandKernels table = make_table<16>();
  return table;
}

}  // namespace sidestep::kernels::test
