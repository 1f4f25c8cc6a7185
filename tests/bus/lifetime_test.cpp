// What comes and goes leaves nothing behind but its counts. The allocator counts live bytes; the allocations of other
// tests don't matter, so this is a binary of its own. Under ThreadSanitizer, whose own allocator can't be replaced, no
// bytes are counted: races alone are looked for.
#include <sidestep/bus.hpp>
#include <sidestep/operators.hpp>

#include <bus/probe.hpp>

#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <thread>

#if defined(__SANITIZE_THREAD__)
#define SIDESTEP_UNDER_TSAN
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SIDESTEP_UNDER_TSAN
#endif
#endif
#ifndef SIDESTEP_UNDER_TSAN
#include <replaced_new.hpp>
#endif

namespace {
std::atomic<std::int64_t> live{0};
}  // namespace

#ifndef SIDESTEP_UNDER_TSAN
void* sidestep::test::take_memory(std::size_t bytes, std::size_t alignment) {
  void* const memory = aligned_memory(bytes, alignment);
  live.fetch_add(static_cast<std::int64_t>(malloc_usable_size(memory)), std::memory_order_relaxed);
  return memory;
}
void sidestep::test::give_memory(void* memory) noexcept {
  live.fetch_sub(static_cast<std::int64_t>(malloc_usable_size(memory)), std::memory_order_relaxed);
  std::free(memory);
}
#endif

namespace sidestep {
namespace {

using testing_support::Probe;
using testing_support::probe_options;

std::int64_t live_bytes() { return live.load(std::memory_order_relaxed); }

/// How much more lives behind the last rounds than behind the first ones.
template <class Round>
std::int64_t growth(int rounds, Round&& round) {
  for (int i = 0; i < rounds / 10; ++i) round();
  const std::int64_t before = live_bytes();
  for (int i = rounds / 10; i < rounds; ++i) round();
  return live_bytes() - before;
}

TEST(Lifetime, AHundredThousandSubscriptionsLeaveTheirSumsAndNothingElse) {
  constexpr int rounds = 100'000;
  Bus bus({.ring_capacity = 64, .thread = false});
  Producer producer = bus.producer("test");
  std::uint64_t seen = 0;
  const auto held = std::make_shared<int>();  // by each handler
  const std::int64_t grown = growth(rounds, [&] {
    const Handle handle = bus.on<BatchEnd>().named("passer-by") | subscribe([&seen, held](const BatchEnd&) { ++seen; });
    producer.publish(BatchEnd{});
    handle->end();
    EXPECT_EQ(handle->delivered(), 1u);
    EXPECT_EQ(handle->name(), "passer-by");  // nobody else has the name
    producer.publish(BatchEnd{});
  });
  EXPECT_LT(grown, 100'000) << "bytes";  // a byte for each would be 90,000
  bus.flush();
  for (int idle = 0; idle < 3; ++idle) bus.poll();  // finds nothing, and tidies up
  EXPECT_EQ(held.use_count(), 1) << "all handlers are gone";
  EXPECT_TRUE(bus.subscriptions().empty());
  const BusAccount sum = bus.account();
  EXPECT_EQ(sum.events, 2u * rounds);
  EXPECT_EQ(sum.published, seen);
  EXPECT_EQ(sum.delivered, seen);
  EXPECT_EQ(sum.pending, 0u);
  const auto past = bus.past();
  ASSERT_EQ(past.size(), 1u);
  EXPECT_EQ(past[0]->owner, "passer-by");
  EXPECT_EQ(past[0]->pipelines, std::uint64_t{rounds});
  EXPECT_EQ(past[0]->delivered, seen);
}

TEST(Lifetime, ManyNamesAreKeptApartUpToABound) {
  Bus bus({.ring_capacity = 64, .thread = false});
  int n = 0;
  const std::int64_t grown = growth(20'000, [&] {
    (bus.on<BatchEnd>().named("p" + std::to_string(++n)) | subscribe([](const BatchEnd&) {}))->end();
  });
  EXPECT_LT(grown, 20'000);
  EXPECT_LE(bus.past().size(), 129u);
  std::uint64_t all = 0;
  for (const auto& past : bus.past()) all += past->pipelines;
  bus.flush();
  EXPECT_EQ(all, 20'000u);
}

TEST(Lifetime, WhatCompletesByItselfGoesToo) {
  Bus bus({.ring_capacity = 64, .thread = false});
  Producer producer = bus.producer("test");
  const std::int64_t grown = growth(10'000, [&] {
    bus.on<BatchEnd>() | take(1) | subscribe([](const BatchEnd&) {});
    producer.publish(BatchEnd{});
    bus.flush();
  });
  EXPECT_LT(grown, 10'000);
  EXPECT_EQ(bus.account().delivered, 10'000u);
}

TEST(Lifetime, FailuresAreCountedAndTheFirstOnesKept) {
  Bus bus({.ring_capacity = 64, .thread = false});
  Producer producer = bus.producer("test");
  for (int i = 0; i < 500; ++i) {
    bus.on<BatchEnd>().named("bad") | subscribe([](const BatchEnd&) { throw std::runtime_error("no"); });
    producer.publish(BatchEnd{});
    bus.flush();
  }
  for (int idle = 0; idle < 3; ++idle) bus.poll();
  EXPECT_EQ(bus.subscriptions().size(), 64u);
  const auto past = bus.past();
  ASSERT_EQ(past.size(), 1u);
  EXPECT_EQ(past[0]->failures, 436u);
  EXPECT_EQ(past[0]->last_error, "no");
  EXPECT_EQ(bus.account().delivered, 500u);
}

TEST(Lifetime, TheSameBehindObserveOnWithThreads) {
  Bus bus({.ring_capacity = 64});
  Producer producer = bus.producer("test");
  std::atomic<std::uint64_t> seen{0};
  const std::int64_t grown = growth(300, [&] {
    const Handle handle = bus.on<BatchEnd>() | observe_on(io) |
                          subscribe([&](const BatchEnd&) { seen.fetch_add(1, std::memory_order_relaxed); });
    producer.publish(BatchEnd{});
    handle->end();
  });
  EXPECT_EQ(seen, 300u);
  bus.flush();
  while (!bus.subscriptions().empty()) std::this_thread::yield();  // the executor's thread is still on its way out
  EXPECT_LT(grown, 1'000'000);  // an executor's threads and what was last; 270 pipelines would be more
  EXPECT_EQ(bus.account().delivered, 300u);
}

TEST(Lifetime, TenThousandProducersShareAFewRings) {
  Bus bus({.ring_capacity = 1024, .thread = false});
  std::uint64_t seen = 0, sum = 0;
  const Handle all =
      bus.on<BatchEnd>() | subscribe([&](const BatchEnd& e) { ++seen, sum += static_cast<std::uint64_t>(e.step); });
  std::uint64_t expected = 0;
  Step step = 0;
  const std::int64_t grown = growth(10'000, [&] {
    Producer producer = bus.producer("passer-by");
    EXPECT_EQ(producer.next(), 1u);
    // sometimes none: what an earlier one left must not look like an event
    const int events = static_cast<int>(step % 7);
    for (int i = 0; i <= events; ++i)
      producer.publish(BatchEnd{.step = ++step}), expected += static_cast<std::uint64_t>(step);
    producer.leave();
    bus.flush();
    bus.poll();  // finds nothing, and tidies up
  });
  EXPECT_LT(grown, 20'000);  // one ring has 65,536 bytes
  EXPECT_EQ(seen, static_cast<std::uint64_t>(step));
  EXPECT_EQ(sum, expected);
  EXPECT_EQ(bus.account().events, seen);
  EXPECT_EQ(all->published(), seen);
}

TEST(Lifetime, AProducerThatWasReadOutByOneDispatcherAloneKeepsItsRing) {
  // Two cursors: the second dispatcher has not been here.
  BasicRing<> ring(4, 1, StreamWithin::nothing, 0, {}, 2);
  for (int i = 0; i < 4; ++i) {
    Slot* const slot = ring.claim();
    ASSERT_NE(slot, nullptr);
    ring.commit(*slot);
  }
  ring.release(ring.available(4, 0).size(), 0);
  EXPECT_FALSE(ring.make_room());
  EXPECT_FALSE(ring.caught_up());
  ring.release(2, 1);
  EXPECT_TRUE(ring.make_room());
  EXPECT_EQ(ring.cursor(), 3u);
}

TEST(Lifetime, AThreadThatEndsWithoutLeavingLosesNothing) {
  Bus bus({.ring_capacity = 64});
  static std::vector<Producer*> never_left;  // reachable, and never destroyed
  const Handle all = bus.on<BatchEnd>() | subscribe([](const BatchEnd&) {});
  for (int i = 0; i < 4; ++i)
    std::thread([&] {
      never_left.push_back(new Producer(bus.producer("gone")));
      for (Step step = 1; step <= 1000; ++step) never_left.back()->publish(BatchEnd{.step = step});
      bus.publish(BatchEnd{});  // and one through the thread's own, which ends with it
    }).join();
  bus.close();
  EXPECT_EQ(all->delivered(), 4004u);
  EXPECT_EQ(bus.account().events, 4004u);
  for (Producer* const producer : never_left) delete producer;
  never_left.clear();
}

TEST(Lifetime, UnderLoadRingsAreUsedAgainToo) {
  Bus bus({.ring_capacity = 1024});
  const Handle all = bus.on<BatchEnd>() | subscribe([](const BatchEnd&) {});
  std::atomic<std::uint64_t> sent{0};
  std::jthread busy([&](std::stop_token stop) {
    Producer producer = bus.producer("busy");
    while (!stop.stop_requested()) producer.publish(BatchEnd{}), sent.fetch_add(1, std::memory_order_relaxed);
  });
  const std::int64_t grown = growth(2'000, [&] {
    Producer producer = bus.producer("passer-by");
    producer.publish(BatchEnd{}), sent.fetch_add(1, std::memory_order_relaxed);
    producer.leave();
    bus.flush();
  });
  busy.request_stop();
  busy.join();
  bus.flush();
  EXPECT_LT(grown, 40 * 65'536);  // of 1,800 rings
  EXPECT_EQ(all->delivered(), sent);
}

/// What docs/bus.md says that a bus, a ring and a subscription take, and that it stays so whatever passes.
TEST(Lifetime, WhoPublishesBehindCloseTakesNoMoreHoweverManyBusesAndThreadsThereAre) {
  constexpr int rounds = 2'000;
  Bus one({.thread = false}), other({.thread = false});
  one.close();
  other.close();
  const std::int64_t by_one_thread = growth(rounds, [&] {
    one.publish(Metric{});
    other.publish(Metric{});
  });
  EXPECT_LT(by_one_thread, 10'000);
  const std::int64_t by_many = growth(rounds, [&] { std::thread([&] { one.publish(Metric{}); }).join(); });
  EXPECT_LT(by_many, 100'000);  // 50 bytes for each would be 90,000
  EXPECT_EQ(one.account().after_close, 2u * rounds);
  EXPECT_EQ(other.account().after_close, 1u * rounds);
  EXPECT_EQ(one.account().events, 0u);
}

TEST(Lifetime, MemoryIsWhatIsStatedAndConstant) {
  std::uint64_t seen = 0;
  std::int64_t before = live_bytes();
  const auto taken = [&] { return live_bytes() - std::exchange(before, live_bytes()); };
  Bus bus({.thread = false});
  const std::int64_t of_bus = taken();
  Producer producer = bus.producer("test");
  const std::int64_t of_ring = taken();
  bus.on<BatchEnd>() | map(&BatchEnd::loss) | subscribe([&](double) { ++seen; });
  const std::int64_t of_pipeline = taken();
  Handle observed = bus.on<BatchEnd>() | observe_on(io) | subscribe([&](const BatchEnd&) {});
  const std::int64_t of_observed = taken();
  RecordProperty("bus", std::to_string(of_bus));
  RecordProperty("ring", std::to_string(of_ring));
  RecordProperty("pipeline", std::to_string(of_pipeline));
  RecordProperty("observed", std::to_string(of_observed));
  EXPECT_LT(of_bus, 8 << 10);
  EXPECT_LT(of_ring, (1 << 20) + (8 << 10));  // 16,384 events of 64 bytes
  EXPECT_LT(of_pipeline, 8 << 10);
  EXPECT_LT(of_observed, 24 << 10);
  const auto publish_some = [&] {
    for (Step step = 0; step < 10'000; ++step) producer.publish(BatchEnd{.step = step});
    bus.flush();
  };
  for (int i = 0; i < 20; ++i) publish_some();
  EXPECT_LT(taken(), 512 << 10);  // as much of the queue of 4,096 as was ever used, which it keeps
  observed->end();
  observed.reset();
  publish_some();
  before = live_bytes();
  for (int i = 0; i < 20; ++i) publish_some();
  EXPECT_EQ(taken(), 0);
  EXPECT_EQ(seen, 410'000u);
}

}  // namespace
}  // namespace sidestep
