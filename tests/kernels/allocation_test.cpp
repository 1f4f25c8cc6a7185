#include <gtest/gtest.h>

#include <atomic>

#include "kernels/support.hpp"
#include "replaced_new.hpp"

namespace {
std::atomic<std::size_t> allocations{0};
}  // namespace

void* sidestep::test::take_memory(std::size_t bytes, std::size_t alignment) {
  allocations.fetch_add(1, std::memory_order_relaxed);  // a count; nothing is ordered by it
  return aligned_memory(bytes, alignment);
}
void sidestep::test::give_memory(void* memory) noexcept { std::free(memory); }

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
