// Publishing allocates nothing and makes no system call. The allocator counts; a seccomp filter kills the process at any call.
#include <sidestep/bus.hpp>
#include <sidestep/bus/shared_bus.hpp>

#include <bus/probe.hpp>
#include <no_system_calls.hpp>
#include <replaced_new.hpp>
#include <scratch_folder.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>

namespace {
std::atomic<bool> counting{false};
std::atomic<std::uint64_t> allocations{0};
}  // namespace

void* sidestep::test::take_memory(std::size_t bytes, std::size_t alignment) {
  if (counting.load(std::memory_order_relaxed)) allocations.fetch_add(1, std::memory_order_relaxed);
  return aligned_memory(bytes, alignment);
}
void sidestep::test::give_memory(void* memory) noexcept { std::free(memory); }

namespace sidestep {
namespace {

using test::lives_without_system_calls;
using testing_support::Probe;
using testing_support::probe_options;

class HotPath : public ::testing::TestWithParam<Stores> {};

TEST_P(HotPath, PublishingAndHandlingAllocateNothing) {
  Bus bus({.ring_capacity = 1024, .stores = GetParam()});
  std::uint64_t seen = 0;
  bus.add(std::make_unique<Probe>([&](const Slot&) { ++seen; }), probe_options({BatchEnd::id}));
  Producer producer = bus.producer("test");
  producer.publish(BatchEnd{.step = 1});
  bus.flush();
  counting = true;
  for (Step step = 2; step <= 10'000; ++step) producer.publish(BatchEnd{.step = step});
  counting = false;
  bus.flush();
  EXPECT_EQ(allocations.exchange(0), 0u);
  EXPECT_EQ(seen, 10'000u);
  counting = true;
  ::operator delete(::operator new(1));  // the counter counts
  counting = false;
  EXPECT_EQ(allocations.exchange(0), 1u);
}

TEST_P(HotPath, PublishingMakesNoSystemCall) {
  Bus bus({.ring_capacity = 65536, .thread = false, .stores = GetParam()});
  bus.add(std::make_unique<Probe>([](const Slot&) {}), probe_options({BatchEnd::id}));
  Producer producer = bus.producer("test");
  for (Step step = 1; step <= 10; ++step) producer.publish(BatchEnd{.step = step});
  EXPECT_TRUE(lives_without_system_calls([&] {
    for (Step step = 1; step <= 10'000; ++step) producer.publish(BatchEnd{.step = step});
  }));
  EXPECT_FALSE(lives_without_system_calls([] { (void)getppid(); }));  // the filter bites
}

// Where a CPU has no streaming stores, both are plain.
INSTANTIATE_TEST_SUITE_P(Form, HotPath, ::testing::Values(Stores::plain, Stores::streaming),
                         [](const auto& info) { return std::string(info.param == Stores::plain ? "plain" : "streaming"); });

TEST(HotPath, PublishingWhereOthersMayWatchAllocatesNothingAndMakesNoSystemCall) {
  const test::ScratchFolder place;
  Bus bus({.ring_capacity = 65536, .thread = false, .shared = std::make_shared<SharedBus>(place.path())});
  Producer producer = bus.producer("test");
  counting = true;
  for (Step step = 1; step <= 10'000; ++step) producer.publish(BatchEnd{.step = step});
  counting = false;
  EXPECT_EQ(allocations.exchange(0), 0u);
  EXPECT_TRUE(test::lives_without_system_calls([&] {
    for (Step step = 1; step <= 10'000; ++step) producer.publish(BatchEnd{.step = step});
  }));
}

}  // namespace
}  // namespace sidestep
