#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "kernels/support.hpp"

namespace {
std::atomic<std::size_t> allocations{0};

void* counted(std::size_t bytes, std::size_t alignment) {
  allocations.fetch_add(1, std::memory_order_relaxed);  // a count; nothing is ordered by it
  void* memory = nullptr;
  if (posix_memalign(&memory, alignment < sizeof(void*) ? sizeof(void*) : alignment, bytes ? bytes : 1))
    throw std::bad_alloc();
  return memory;
}
}  // namespace

void* operator new(std::size_t bytes) { return counted(bytes, alignof(std::max_align_t)); }
void* operator new[](std::size_t bytes) { return counted(bytes, alignof(std::max_align_t)); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return counted(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace sidestep::kernels::test {
namespace {

// oneDNN and oneTBB allocate for themselves; a step by hand, on one thread, shows what is ours.
TEST(CpuSession, AStepAllocatesNothing) {
  if (name(CpuPath::automatic) == std::string("portable")) GTEST_SKIP() << "oneDNN allocates in every call";
  const auto spec = small_lenet();
  const Images images(spec, 200, 2);
  auto session = make_cpu_session(spec, {.threads = 1});
  const DataId data = session->attach(images.view);
  const auto whole = range(0, 128), last = range(0, 75);
  const auto both = [&](std::uint64_t number) {
    session->submit(data, whole, {.step = number, .upcoming = last});
    session->submit(data, last, {.step = number + 1, .upcoming = whole});
    session->wait();
    session->wait();
    session->evaluate(data, 0, 200);
  };
  both(1);
  const auto before = allocations.load(std::memory_order_relaxed);
  ASSERT_GT(before, 0u);
  for (std::uint64_t number = 3; number < 41; number += 2) both(number);
  EXPECT_EQ(allocations.load(std::memory_order_relaxed), before);
}

}  // namespace
}  // namespace sidestep::kernels::test
