// A step of a device's session takes no memory from the heap. (The emulation does, within the calls: that isn't
// counted.)
#include <atomic>

#include "replaced_new.hpp"
#include "session_support.hpp"

namespace {

thread_local bool counts = false;
std::atomic<std::size_t> allocations{0};

}  // namespace

void* sidestep::test::take_memory(std::size_t bytes, std::size_t alignment) {
  if (counts && !emulation::inside_a_call())
    allocations.fetch_add(1, std::memory_order_relaxed);  // a count; nothing is ordered by it
  return aligned_memory(bytes, alignment);
}
void sidestep::test::give_memory(void* memory) noexcept { std::free(memory); }

namespace sidestep::kernels::cuda::test {
namespace {

TEST(CudaSession, AStepAllocatesNothingOnTheHost) {
  const auto spec = small_lenet();
  const Images images(spec, 200, 2);
  const auto session = make(spec, {.run_ahead = 2});
  const DataId data = session->attach(images.view);
  const auto whole = range(0, 20), last = range(20, 12);
  StepRecord record;
  // the trainer's way: what has come is polled, and no more than two steps are left under way
  const auto steps = [&](std::uint64_t first, std::uint64_t count) {
    for (std::uint64_t number = first; number < first + count; ++number) {
      session->submit(data, number % 5 == 0 ? last : whole, {.step = number, .upcoming = whole});
      while (session->poll(record)) {
      }
      while (session->in_flight() > 2) record = session->wait();
    }
    while (session->in_flight() > 0) record = session->wait();
  };
  steps(1, 10);
  counts = true;
  const auto snapshot = session->snapshot(Contents::weights);  // which does: so the count counts
  const std::size_t before = allocations.load(std::memory_order_relaxed);
  EXPECT_GT(before, 0u);
  steps(11, 40);
  counts = false;
  EXPECT_EQ(allocations.load(std::memory_order_relaxed), before);
  EXPECT_EQ(record.step, 50u);
}

}  // namespace
}  // namespace sidestep::kernels::cuda::test
