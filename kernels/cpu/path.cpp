#include <sidestep/kernels/cpu/session.hpp>

namespace sidestep::kernels {
namespace {

CpuPath best() {
  if (supported(CpuPath::avx512)) return CpuPath::avx512;
  if (supported(CpuPath::avx2)) return CpuPath::avx2;
  return CpuPath::portable;
}

}  // namespace

bool supported(CpuPath path) {
  // libgcc asks XGETBV too: an instruction set counts only if the operating system saves its registers.
  switch (path) {
    case CpuPath::avx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    case CpuPath::avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case CpuPath::automatic:
    case CpuPath::portable:
      break;
  }
  return true;
}

const char* name(CpuPath path) {
  switch (path) {
    case CpuPath::avx512:
      return "avx512";
    case CpuPath::avx2:
      return "avx2";
    case CpuPath::portable:
      return "portable";
    case CpuPath::automatic:
      break;
  }
  return name(best());
}

CpuPath resolve(CpuPath path) { return path == CpuPath::automatic ? best() : path; }

}  // namespace sidestep::kernels
