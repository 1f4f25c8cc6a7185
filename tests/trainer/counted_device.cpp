// The emulated device with two functions more: how often the trainer has called each function of CUDA's; and a kernel
// that fails.
#include <sidestep_emulation.h>

#include <map>
#include <string>

extern "C" __attribute__((visibility("default"))) void device_calls(std::map<std::string, std::uint64_t>& calls) {
  calls = sidestep::emulation::calls();
}

/// The n-th launch of this kernel from now on fails; nullptr: the device is well again.
extern "C" __attribute__((visibility("default"))) void device_fails(const char* kernel, std::uint64_t n) {
  sidestep::emulation::faults().failing_launches.clear();
  if (kernel)
    sidestep::emulation::faults().failing_launches.push_back({kernel, n});
  else
    sidestep::emulation::forget_errors();
}
