#include <sidestep/kernels/emulation/pool.hpp>

#include <algorithm>
#include <vector>

#include <sidestep/kernels/emulation/calls.hpp>
#include <sidestep/kernels/emulation/faults.hpp>
#include <sidestep/kernels/emulation/heap.hpp>
#include <sidestep/kernels/emulation/memory.hpp>
#include <sidestep/kernels/emulation/raw.hpp>
#include <sidestep/kernels/emulation/round_up.hpp>

#include "include/sidestep_emulation.h"

namespace sidestep::emulation::detail {
namespace {

constexpr std::uint64_t granule = 512;                  // the least that an allocation takes
constexpr std::uint64_t step = std::uint64_t{2} << 20;  // by which a pool grows

struct Accounts {
  RawMutex mutex;
  std::vector<cudaMemPool_t> pools;
  CUmemPoolHandle_st standard;
  std::uint64_t direct = 0;  // cudaMalloc's
};

Accounts& accounts() {
  static auto* instance = [] {
    auto* made = new Accounts;  // outlives every thread
    made->pools.push_back(&made->standard);
    return made;
  }();
  return *instance;
}

std::uint64_t in_use(const Accounts& all) {
  std::uint64_t sum = all.direct;
  for (const auto* pool : all.pools) sum += pool->reserved;
  return sum;
}

bool shrink(CUmemPoolHandle_st& pool, std::uint64_t keep) {
  const std::uint64_t least = round_up(std::max(pool.used, keep), step);
  if (least >= pool.reserved) return false;
  pool.reserved = least;
  return true;
}

/// Room for so much more, if need be by what pools keep without using it.
bool room(Accounts& all, std::uint64_t more) {
  const std::uint64_t limit = memory_limit();
  if (in_use(all) + more <= limit) return true;
  for (auto* pool : all.pools) shrink(*pool, 0);
  return in_use(all) + more <= limit;
}

}  // namespace

cudaMemPool_t default_pool() { return &accounts().standard; }

bool is_pool(cudaMemPool_t pool) {
  Accounts& all = accounts();
  const RawLock lock(all.mutex);
  return std::find(all.pools.begin(), all.pools.end(), pool) != all.pools.end() && !pool->destroyed;
}

std::uint64_t device_memory_in_use() {
  Accounts& all = accounts();
  const RawLock lock(all.mutex);
  return in_use(all);
}

cudaError_t take_memory(void** pointer, std::size_t bytes, cudaMemPool_t pool, bool* reused) {
  Accounts& all = accounts();
  const std::uint64_t size = round_up(bytes, granule);
  {
    const RawLock lock(all.mutex);
    if (size < bytes || size > memory_limit()) return cudaErrorMemoryAllocation;
    if (!pool) {
      if (!room(all, size)) return cudaErrorMemoryAllocation;
      all.direct += size;
    } else {
      const std::uint64_t needed = round_up(pool->used + size, step);
      if (needed > pool->reserved) {
        if (!room(all, needed - pool->reserved)) return cudaErrorMemoryAllocation;
        pool->reserved = std::max(pool->reserved, needed);
        pool->reserved_high = std::max(pool->reserved_high, pool->reserved);
      }
      pool->used += size;
      pool->used_high = std::max(pool->used_high, pool->used);
    }
  }
  const std::uintptr_t address = heap().allocate(bytes, pool, reused);
  if (address == 0) {
    account_for_free(bytes, pool);
    return cudaErrorMemoryAllocation;
  }
  *pointer = reinterpret_cast<void*>(address);
  return cudaSuccess;
}

void account_for_free(std::size_t bytes, cudaMemPool_t pool) {
  Accounts& all = accounts();
  const std::uint64_t size = round_up(bytes, granule);
  const RawLock lock(all.mutex);
  if (!pool) {
    all.direct -= size;
    return;
  }
  pool->used -= size;
  if (pool->destroyed && pool->used == 0) {
    std::erase(all.pools, pool);
    delete pool;
  }
}

void memory_after_synchronizing() {
  Accounts& all = accounts();
  bool shrunk = false;
  {
    const RawLock lock(all.mutex);
    for (auto* pool : all.pools) {
      if (pool->reserved > pool->threshold) shrunk |= shrink(*pool, pool->threshold);
    }
  }
  if (shrunk) heap().release_pages();
}

namespace {

cudaError_t pool_attribute(cudaMemPool_t pool, cudaMemPoolAttr which, void* value, bool set) {
  if (!is_pool(pool) || !value) return cudaErrorInvalidValue;
  Accounts& all = accounts();
  const RawLock lock(all.mutex);
  auto& number = *static_cast<std::uint64_t*>(value);
  auto read_or_reset = [&](std::uint64_t& high, std::uint64_t current) {  // a high-water mark may be set to 0 only
    if (set && number != 0) return cudaErrorInvalidValue;
    (set ? high : number) = set ? current : high;
    return cudaSuccess;
  };
  switch (which) {
    case cudaMemPoolReuseFollowEventDependencies:
    case cudaMemPoolReuseAllowOpportunistic:
    case cudaMemPoolReuseAllowInternalDependencies:
      if (!set) *static_cast<int*>(value) = 1;
      return cudaSuccess;
    case cudaMemPoolAttrReleaseThreshold:
      (set ? pool->threshold : number) = set ? number : pool->threshold;
      return cudaSuccess;
    case cudaMemPoolAttrReservedMemHigh:
      return read_or_reset(pool->reserved_high, pool->reserved);
    case cudaMemPoolAttrUsedMemHigh:
      return read_or_reset(pool->used_high, pool->used);
    case cudaMemPoolAttrReservedMemCurrent:
    case cudaMemPoolAttrUsedMemCurrent:
      if (set) return cudaErrorInvalidValue;
      number = which == cudaMemPoolAttrUsedMemCurrent ? pool->used : pool->reserved;
      return cudaSuccess;
  }
  return cudaErrorInvalidValue;
}

}  // namespace
}  // namespace sidestep::emulation::detail

using namespace sidestep::emulation::detail;

extern "C" {

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int device) {
  return api(Call::cudaDeviceGetDefaultMemPool, [&]() -> cudaError_t {
    if (device != 0) return cudaErrorInvalidDevice;
    if (!pool) return cudaErrorInvalidValue;
    *pool = default_pool();
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const struct cudaMemPoolProps* properties) {
  return api(Call::cudaMemPoolCreate, [&]() -> cudaError_t {
    if (!pool || !properties || properties->allocType != cudaMemAllocationTypePinned ||
        properties->location.type != cudaMemLocationTypeDevice || properties->location.id != 0) {
      return cudaErrorInvalidValue;
    }
    auto* made = new CUmemPoolHandle_st;
    const RawLock lock(accounts().mutex);
    accounts().pools.push_back(made);
    *pool = made;
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolDestroy(cudaMemPool_t pool) {
  return api(Call::cudaMemPoolDestroy, [&]() -> cudaError_t {
    if (!is_pool(pool) || pool == default_pool()) return cudaErrorInvalidValue;
    Accounts& all = accounts();
    const RawLock lock(all.mutex);
    pool->destroyed = true;
    shrink(*pool, 0);
    if (pool->used > 0) return cudaSuccess;
    std::erase(all.pools, pool);
    delete pool;
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, enum cudaMemPoolAttr which, void* value) {
  return api(Call::cudaMemPoolSetAttribute, [&] { return pool_attribute(pool, which, value, true); });
}

cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, enum cudaMemPoolAttr which, void* value) {
  return api(Call::cudaMemPoolGetAttribute, [&] { return pool_attribute(pool, which, value, false); });
}

cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, size_t bytes_to_keep) {
  return api(Call::cudaMemPoolTrimTo, [&]() -> cudaError_t {
    if (!is_pool(pool)) return cudaErrorInvalidValue;
    {
      const RawLock lock(accounts().mutex);
      shrink(*pool, bytes_to_keep);
    }
    heap().release_pages();
    return cudaSuccess;
  });
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  return api(Call::cudaMemGetInfo, [&]() -> cudaError_t {
    if (!free || !total) return cudaErrorInvalidValue;
    const std::size_t limit = memory_limit();
    const std::uint64_t used = device_memory_in_use();
    *total = limit;
    *free = used < limit ? limit - used : 0;
    return cudaSuccess;
  });
}

}  // extern "C"
