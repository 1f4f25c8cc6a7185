#pragma once

/// Device memory is closed to the host's own code.
///
/// Where the CPU has protection keys (Intel since Skylake-SP, AMD since Zen 3; Linux 4.9), the device's range bears a
/// key, and each thread has a register that says which keys it may use: kernels and the streams' threads open it for
/// themselves while they work, and a host thread that reads or writes the range gets SIGSEGV at any time.
/// Elsewhere the whole range is closed (mprotect) whenever nothing runs on the device: a host access is found if the
/// device is idle then.

#include <cstddef>

namespace sidestep::emulation::detail {

/// While one lives, this thread may touch device memory.
class DeviceAccess {
 public:
  DeviceAccess();
  ~DeviceAccess();
  DeviceAccess(const DeviceAccess&) = delete;
  DeviceAccess& operator=(const DeviceAccess&) = delete;

 private:
  int before_ = 0;
};

/// Puts [address, address + bytes), mapped without any access, at the device's disposal.
void open_for_device(void* address, std::size_t bytes);

bool has_protection_keys();

/// Names the address when the host touches device memory, or a kernel touches nothing at all; then the program dies as
/// it would have died without us.
void install_fault_handler();

/// For this OS thread: a stack to say so even when a kernel's own stack is used up.
void ensure_signal_stack();

}  // namespace sidestep::emulation::detail
