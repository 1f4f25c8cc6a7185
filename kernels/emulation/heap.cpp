#include <sidestep/kernels/emulation/heap.hpp>

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>

#include <sidestep/kernels/emulation/canary.hpp>
#include <sidestep/kernels/emulation/protection.hpp>
#include <sidestep/kernels/emulation/round_up.hpp>
#include <sidestep/kernels/emulation/sanitizer.hpp>

namespace sidestep::emulation::detail {
namespace {

constexpr std::size_t alignment = 256;  // as CUDA's
constexpr std::size_t zone = 256;       // before and after each allocation
constexpr std::size_t chunk = std::size_t{32} << 20;
constexpr std::size_t page = 4096;

std::size_t extent(std::size_t bytes) { return round_up(bytes, alignment) + zone; }

bool sanitized() { return under_address_sanitizer() || under_thread_sanitizer(); }

/// How much freed memory waits before it is used again. Without a sanitizer little: the fewer pages are in use, the
/// less it costs to close and open them.
std::size_t patience() { return std::size_t{sanitized() ? 256u : 1u} << 20; }
/// The same where the alternative is more memory, or where pages are to be given back.
std::size_t least_patience() { return sanitized() ? patience() : 0; }

void fill_with_nan(std::uintptr_t address, std::size_t bytes) {
  const DeviceAccess access;
  std::memset(reinterpret_cast<void*>(address), 0xFF, bytes);
}

void surround(std::uintptr_t address, std::size_t bytes) {
  const DeviceAccess access;
  fill_canary(reinterpret_cast<void*>(address), bytes);
}

/// Behind an allocation nobody writes: the zone is as it was filled.
std::string written_around(const Allocation& allocation) {
  const DeviceAccess access;
  const auto* byte = reinterpret_cast<const unsigned char*>(allocation.address);
  for (std::size_t i = allocation.bytes; i < extent(allocation.bytes); ++i) {
    if (is_canary(byte + i)) continue;
    return "something wrote " + std::to_string(i - allocation.bytes) +
           " bytes past the end of a device allocation of " + std::to_string(allocation.bytes) +
           " bytes before it was freed. AddressSanitizer would say what.";
  }
  return "";
}

const void* pointer(std::uintptr_t address) { return reinterpret_cast<const void*>(address); }

}  // namespace

DeviceHeap& heap() {
  static auto* instance = new DeviceHeap;  // outlives every thread
  return *instance;
}

void DeviceHeap::reserve() {
  if (opened_ > 0) return;
  void* mapped = mmap(nullptr, range, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  madvise(mapped, range, MADV_DONTDUMP);
  base_ = reinterpret_cast<std::uintptr_t>(mapped);
}

bool DeviceHeap::grow(std::size_t bytes) {
  reserve();
  const std::size_t more = round_up(bytes, chunk);
  if (more > range - opened_) return false;
  const std::uintptr_t first = base_ + opened_;
  open_for_device(reinterpret_cast<void*>(first), more);
  poison(pointer(first), more);
  opened_ += more;
  add_gap(first, more);
  return true;
}

void DeviceHeap::add_gap(std::uintptr_t address, std::size_t bytes) {
  bool used = false;
  auto after = gaps_.lower_bound(address);
  if (after != gaps_.end() && after->first == address + bytes) {
    bytes += after->second.bytes;
    used |= after->second.used;
    after = gaps_.erase(after);
  }
  if (after != gaps_.begin()) {
    auto before = std::prev(after);
    if (before->first + before->second.bytes == address) {
      before->second.bytes += bytes;
      before->second.used |= used;
      return;
    }
  }
  gaps_[address] = {bytes, used};
}

std::uintptr_t DeviceHeap::allocate(std::size_t bytes, CUmemPoolHandle_st* pool, bool* reused) {
  const RawLock lock(mutex_);
  const std::size_t wanted = extent(bytes) + (opened_ == 0 ? zone : 0);
  auto fits = [&] {
    return std::find_if(gaps_.begin(), gaps_.end(), [&](const auto& gap) { return gap.second.bytes >= wanted; });
  };
  while (dead_bytes_ > patience()) reuse_oldest();
  auto gap = fits();
  if (gap == gaps_.end()) {
    while (dead_bytes_ > least_patience()) reuse_oldest();
    gap = fits();
  }
  if (gap == gaps_.end()) {
    if (!grow(wanted)) return 0;
    gap = fits();
  }
  std::uintptr_t start = gap->first;
  std::size_t left = gap->second.bytes;
  const bool used = gap->second.used;
  gaps_.erase(gap);
  if (start == base_) {  // the first of all has a red zone before it, too
    start += zone;
    left -= zone;
  }
  if (left > extent(bytes)) gaps_[start + extent(bytes)] = {left - extent(bytes), used};
  living_[start] = {start, bytes, next_id_++, pool};
  *reused = used;
  unpoison(pointer(start), bytes);
  const DeviceAccess once;  // for both below: opening is two calls of the kernel where the CPU has no keys
  fill_with_nan(start, bytes);
  if (!under_address_sanitizer()) surround(start + bytes, extent(bytes) - bytes);
  return start;
}

bool DeviceHeap::free(std::uintptr_t address, std::string* overrun) {
  const RawLock lock(mutex_);
  const auto found = living_.find(address);
  if (found == living_.end()) return false;
  const Allocation gone = found->second;
  living_.erase(found);
  const DeviceAccess once;  // as in allocate
  if (!under_address_sanitizer()) *overrun = written_around(gone);
  fill_with_nan(gone.address, gone.bytes);
  poison(pointer(gone.address), gone.bytes);
  dead_[address] = gone;
  by_age_[next_death_++] = address;
  dead_bytes_ += extent(gone.bytes);
  return true;
}

void DeviceHeap::reuse_oldest() {
  const auto oldest = by_age_.begin();
  const auto gone = dead_.find(oldest->second);
  const std::size_t bytes = extent(gone->second.bytes);
  dead_bytes_ -= bytes;
  add_gap(oldest->second, bytes);
  std::prev(gaps_.upper_bound(oldest->second))->second.used = true;
  by_age_.erase(oldest);
  dead_.erase(gone);
}

Allocation DeviceHeap::at(std::uintptr_t address) {
  const RawLock lock(mutex_);
  const auto found = living_.find(address);
  return found == living_.end() ? Allocation{} : found->second;
}

Allocation DeviceHeap::holding(std::uintptr_t address, std::size_t bytes) {
  const RawLock lock(mutex_);
  auto found = living_.upper_bound(address);
  if (found == living_.begin()) return {};
  const Allocation& candidate = std::prev(found)->second;
  const std::size_t offset = address - candidate.address;
  return offset <= candidate.bytes && bytes <= candidate.bytes - offset ? candidate : Allocation{};
}

void DeviceHeap::release_pages() {
  const RawLock lock(mutex_);
  while (dead_bytes_ > least_patience()) reuse_oldest();
  for (const auto& [address, gap] : gaps_) {
    const std::uintptr_t first = round_up(address, page);
    const std::uintptr_t last = (address + gap.bytes) / page * page;
    if (last > first) madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
  }
}

std::string DeviceHeap::describe(std::uintptr_t address) {
  bool locked = false;
  for (int tries = 0; tries < 1000 && !locked; ++tries) locked = mutex_.try_lock();
  if (!locked) return "in device memory";
  std::string said = "in device memory that was never allocated";
  const auto look = [&](const std::map<std::uintptr_t, Allocation>& among, const char* kind) {
    auto found = among.upper_bound(address);
    if (found == among.begin()) return false;
    const Allocation& candidate = std::prev(found)->second;
    const std::size_t offset = address - candidate.address;
    if (offset >= extent(candidate.bytes)) return false;
    const std::string size = std::string(kind) + " of " + std::to_string(candidate.bytes) + " bytes";
    said = offset < candidate.bytes ? std::to_string(offset) + " bytes inside " + size
                                    : std::to_string(offset - candidate.bytes) + " bytes past the end of " + size;
    return true;
  };
  if (!look(living_, "a device allocation")) look(dead_, "a freed device allocation");
  mutex_.unlock();
  return said;
}

}  // namespace sidestep::emulation::detail
