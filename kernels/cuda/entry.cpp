#include <sidestep/kernels/cuda/entry.hpp>

#include <sidestep/kernels/cuda/device.hpp>
#include <sidestep/kernels/cuda/session.hpp>

namespace {

using namespace sidestep::kernels;

constexpr cuda::Entry entry{
    cuda::entry_version, [] { return cuda::inspect_device(); },
    [](const NetworkSpec& spec, const CudaOptions& options) { return cuda::make_session(spec, options).release(); },
    [](const Session& session) { return cuda::algorithms(session); }};

}  // namespace

extern "C" __attribute__((visibility("default"))) const sidestep::kernels::cuda::Entry* sidestep_cuda_backend_v1() {
  return &entry;
}
