// The emulated device with one function more: how often the trainer has called each function of CUDA's.
#include <sidestep_emulation.h>

#include <map>
#include <string>

extern "C" __attribute__((visibility("default"))) void device_calls(std::map<std::string, std::uint64_t>& calls) {
  calls = sidestep::emulation::calls();
}
