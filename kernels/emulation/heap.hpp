#pragma once

/// The device's memory: a range of its own in which allocations stand 256 bytes apart.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include <sidestep/kernels/emulation/raw.hpp>

struct CUmemPoolHandle_st;

namespace sidestep::emulation::detail {

struct Allocation {
  std::uintptr_t address = 0;
  std::size_t bytes = 0;
  std::uint64_t id = 0;                ///< never used twice
  CUmemPoolHandle_st* pool = nullptr;  ///< null for cudaMalloc
};

/// New memory is filled with 0xFF, and freed memory too. Between allocations AddressSanitizer's
/// shadow is poisoned. Under a sanitizer, freed memory is used again late, so that an access to it is found.
class DeviceHeap {
 public:
  /// Zero when the range is used up. `reused`: whether somebody had this memory before.
  std::uintptr_t allocate(std::size_t bytes, CUmemPoolHandle_st* pool, bool* reused);
  /// False when nothing begins there. `overrun`: what was written around it meanwhile, in words; without
  /// AddressSanitizer, which sees it when it happens.
  bool free(std::uintptr_t address, std::string* overrun);
  /// The living allocation that begins there; bytes == 0 when none does.
  Allocation at(std::uintptr_t address);
  /// The living allocation with [address, address + bytes) in it; an address just past the end counts when bytes == 0.
  Allocation holding(std::uintptr_t address, std::size_t bytes = 0);
  bool alive(const Allocation& allocation) { return at(allocation.address).id == allocation.id; }
  bool in_range(std::uintptr_t address) const { return address - base_ < range; }
  /// Gives pages that hold nothing back to the machine.
  void release_pages();
  /// "24 bytes past the end of a device allocation of 4000 bytes". Waits for no lock: for the signal handler.
  std::string describe(std::uintptr_t address);

  static constexpr std::size_t range = std::size_t{64} << 30;

 private:
  void reserve();
  bool grow(std::size_t bytes);
  void add_gap(std::uintptr_t address, std::size_t bytes);
  void reuse_oldest();

  RawMutex mutex_;
  std::uintptr_t base_ = ~std::uintptr_t{0} - range;
  std::size_t opened_ = 0;  // bytes of the range in use or in gaps
  std::map<std::uintptr_t, Allocation> living_;
  std::map<std::uintptr_t, Allocation> dead_;       // freed, not to be used again yet; and the last ones, to name them
  std::map<std::uint64_t, std::uintptr_t> by_age_;  // of dead_
  std::size_t dead_bytes_ = 0;
  struct Gap {
    std::size_t bytes;
    bool used;
  };
  std::map<std::uintptr_t, Gap> gaps_;
  std::uint64_t next_id_ = 1;
  std::uint64_t next_death_ = 1;
};

DeviceHeap& heap();

}  // namespace sidestep::emulation::detail
