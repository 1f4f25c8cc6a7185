#include <sidestep/kernels/emulation/protection.hpp>

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <vector>

#include <sidestep/kernels/emulation/raw.hpp>
#include <sidestep/kernels/emulation/sanitizer.hpp>

namespace sidestep::emulation::detail {
namespace {

int new_key() {
  const char* off = std::getenv("SIDESTEP_EMULATION_PROTECTION");
  if (off && std::strcmp(off, "idle") == 0) return -1;
  return pkey_alloc(0, PKEY_DISABLE_ACCESS);
}

int key() {
  static const int value = new_key();
  return value;
}

/// Without keys: how many are at work, and what to open for them.
struct Shared {
  struct Range {
    void* address;
    std::size_t bytes;
  };
  RawMutex mutex;
  std::size_t at_work = 0;
  std::vector<Range> ranges;
};

Shared& shared() {
  static auto* instance = new Shared;
  return *instance;
}

}  // namespace

bool has_protection_keys() { return key() >= 0; }

DeviceAccess::DeviceAccess() {
  if (has_protection_keys()) {
    before_ = pkey_get(key());
    if (before_ != 0) pkey_set(key(), 0);
    return;
  }
  const Quiet quiet;
  Shared& all = shared();
  const RawLock lock(all.mutex);
  if (all.at_work++ > 0) return;
  for (const auto& range : all.ranges) mprotect(range.address, range.bytes, PROT_READ | PROT_WRITE);
}

DeviceAccess::~DeviceAccess() {
  if (has_protection_keys()) {
    if (before_ != 0) pkey_set(key(), static_cast<unsigned>(before_));
    return;
  }
  const Quiet quiet;
  Shared& all = shared();
  const RawLock lock(all.mutex);
  if (--all.at_work > 0) return;
  for (const auto& range : all.ranges) mprotect(range.address, range.bytes, PROT_NONE);
}

void open_for_device(void* address, std::size_t bytes) {
  if (has_protection_keys()) {
    pkey_mprotect(address, bytes, PROT_READ | PROT_WRITE, key());
    return;
  }
  Shared& all = shared();
  const RawLock lock(all.mutex);
  all.ranges.push_back({address, bytes});
  if (all.at_work > 0) mprotect(address, bytes, PROT_READ | PROT_WRITE);
}

}  // namespace sidestep::emulation::detail
