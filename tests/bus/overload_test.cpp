// What a pipeline misses that wants to miss it, and that each such event is counted.
#include <sidestep/bus.hpp>
#include <sidestep/operators.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <random>
#include <thread>
#include <vector>

namespace sidestep {
namespace {

void exact(const Handle& handle, std::uint64_t published) {
  EXPECT_EQ(handle->published(), published) << handle->name();
  EXPECT_EQ(handle->published(), handle->delivered() + handle->dropped() + handle->pending()) << handle->name();
  for (const auto& queue : handle->queues())
    EXPECT_EQ(queue->handed.get(), queue->finished.load() + queue->dropped.get() + queue->queued()) << handle->name();
}

/// Without a thread: all of these are unread when the bus is flushed.
struct Backlog {
  Bus bus{{.ring_capacity = 1024, .thread = false}};
  Producer producer = bus.producer("test");
  std::vector<Step> seen;
  auto see() {
    return subscribe([this](const BatchEnd& e) { seen.push_back(e.step); });
  }
  void publish(Step count) {
    for (Step step = 1; step <= count; ++step) producer.publish(BatchEnd{.step = step});
  }
};

TEST(Overload, LosslessIsTheDefaultAndDropsNothing) {
  Backlog backlog;
  const Handle handle = backlog.bus.on<BatchEnd>() | backlog.see();
  const Handle said = backlog.bus.on<BatchEnd>().overload(lossless()) | subscribe([](const BatchEnd&) {});
  backlog.publish(1000);
  backlog.bus.flush();
  EXPECT_EQ(backlog.seen.size(), 1000u);
  exact(handle, 1000), exact(said, 1000);
  EXPECT_EQ(said->dropped(), 0u);
}

TEST(Overload, DropOldestKeepsTheNewest) {
  Backlog backlog;
  const Handle handle = backlog.bus.on<BatchEnd>().overload(drop_oldest(100)) | backlog.see();
  const Handle all = backlog.bus.on<BatchEnd>() | subscribe([](const BatchEnd&) {});
  backlog.publish(1000);
  backlog.bus.flush();
  ASSERT_EQ(backlog.seen.size(), 100u);
  EXPECT_EQ(backlog.seen.front(), 901);
  EXPECT_EQ(backlog.seen.back(), 1000);
  exact(handle, 1000), exact(all, 1000);
  EXPECT_EQ(handle->dropped(), 900u);
  EXPECT_EQ(all->delivered(), 1000u);
  EXPECT_EQ(backlog.bus.account().dropped, 900u);
  EXPECT_EQ(backlog.bus.account().pending, 0u);
}

TEST(Overload, LatestKeepsTheNewestOfItsTypes) {
  Backlog backlog;
  const Handle handle = backlog.bus.on<BatchEnd>().overload(latest()) | backlog.see();
  backlog.publish(300);
  for (int i = 0; i < 200; ++i) backlog.producer.publish(Metric{});  // none of its types
  backlog.bus.flush();
  EXPECT_EQ(backlog.seen, (std::vector<Step>{300}));
  exact(handle, 300);
  backlog.producer.publish(BatchEnd{.step = 301});
  backlog.bus.flush();
  EXPECT_EQ(backlog.seen, (std::vector<Step>{300, 301}));
}

TEST(Overload, KeepEveryActsOnlyWhileItIsBehind) {
  Backlog backlog;
  const Handle handle = backlog.bus.on<BatchEnd>().overload(keep_every(10, 128)) | backlog.see();
  backlog.publish(128);
  backlog.bus.flush();
  EXPECT_EQ(backlog.seen.size(), 128u);
  backlog.seen.clear();
  backlog.publish(640);
  backlog.bus.flush();
  exact(handle, 768);
  // 8 spans of 64 have more than 128 behind them, and 128 events lie in the last two
  EXPECT_EQ(backlog.seen.size(), 512u / 10 + 128);
  EXPECT_EQ(backlog.seen.front(), 10);
  EXPECT_EQ(backlog.seen.back(), 640);
}

TEST(Overload, ABoundWithAnErrorFailsThePipelineAndSaysSo) {
  Backlog backlog;
  const Handle handle = backlog.bus.on<BatchEnd>().overload(fail_beyond(500)) | backlog.see();
  const Handle other = backlog.bus.on<BatchEnd>() | subscribe([](const BatchEnd&) {});
  backlog.publish(500);
  backlog.bus.flush();
  EXPECT_FALSE(handle->failed());
  backlog.publish(501);
  backlog.bus.flush();
  EXPECT_TRUE(handle->failed());
  EXPECT_NE(handle->error().find("overloaded: more than 500 events of producer 'test'"), std::string::npos)
      << handle->error();
  EXPECT_EQ(backlog.seen.size(), 500u);
  exact(handle, handle->published());
  exact(other, 1001);
}

TEST(Overload, WhatOthersRelyOnIsNeverDropped) {
  for (const Overload& policy : {drop_oldest(1), latest(), keep_every(1000, 0)}) {
    Bus bus({.ring_capacity = 1024, .thread = false});
    Producer producer = bus.producer("trainer", Stream::trainer);
    std::uint64_t batches = 0, ends = 0;
    const Handle handle =
        bus.on<BatchEnd, EpochEnd, Barrier, CheckpointLoaded, FitEnd>().overload(policy) |
        subscribe([&](const auto& e) { ++(e.template get_if<BatchEnd>() != nullptr ? batches : ends); });
    for (Step step = 1; step <= 200; ++step) {
      producer.publish(BatchEnd{.step = step});
      if (step % 10 == 0) producer.publish(EpochEnd{.step = step}), producer.publish(Barrier{.step = step});
    }
    producer.publish(CheckpointLoaded{});
    producer.publish(FitEnd{});
    bus.flush();
    EXPECT_EQ(ends, 42u) << static_cast<int>(policy.policy);
    EXPECT_LE(batches, 1u);
    exact(handle, 242);
  }
}

TEST(Overload, APolicyThatMakesNoSenseIsRefused) {
  EXPECT_THROW(drop_oldest(0), OverloadError);
  EXPECT_THROW(keep_every(0), OverloadError);
}

/// What stands behind an observe_on and takes its time: until `go`, which comes when everything has been published.
struct Slow {
  std::latch go{1};
  std::vector<Step> seen;
  std::atomic<bool> holds{false};
  void see(Step step) {
    holds.store(true, std::memory_order_release);
    go.wait();
    seen.push_back(step);
  }
};

TEST(Overload, InAQueueDropOldestKeepsTheNewest) {
  for (const Overload& policy : {drop_oldest(100), latest()}) {
    Slow slow;
    Bus bus({.ring_capacity = 256});
    const Handle handle = bus.on<BatchEnd, EpochEnd>().overload(policy) | observe_on(io, {.capacity = 4096}) |
                          subscribe([&](const OneOf<BatchEnd, EpochEnd>& e) {
                            e.visit([&](const auto& event) { slow.see(event.step); });
                          });
    Producer producer = bus.producer("test");
    producer.publish(BatchEnd{.step = 1});
    while (!slow.holds.load(std::memory_order_acquire)) std::this_thread::yield();  // it stands at the first one
    for (Step step = 2; step <= 3000; ++step) {
      if (step % 1000 == 0) producer.publish(EpochEnd{.step = -step});
      producer.publish(BatchEnd{.step = step});
    }
    // nobody had to wait for the slow one
    while (handle->delivered() + handle->dropped() < 3003) bus.wake(), std::this_thread::yield();
    slow.go.count_down();
    bus.flush();
    exact(handle, 3003);
    const QueueAccount& queue = *handle->queues().front();
    EXPECT_EQ(queue.queued(), 0u);
    EXPECT_EQ(queue.finished.load(), slow.seen.size());
    EXPECT_EQ(std::count_if(slow.seen.begin(), slow.seen.end(), [](Step step) { return step < 0; }), 3)
        << "epoch ends are never dropped";
    EXPECT_LE(slow.seen.size(), policy.policy == Overload::Policy::latest ? 5u : 104u);
    EXPECT_EQ(slow.seen.back(), 3000);
    EXPECT_FALSE(handle->failed()) << handle->error();
  }
}

TEST(Overload, InAQueueKeepEveryThinsAndABoundFails) {
  Slow slow, other;
  Bus bus({.ring_capacity = 256});
  const Handle thinned = bus.on<BatchEnd>().named("thinned").overload(keep_every(50, 64)) |
                         observe_on(io, {.capacity = 4096}) | subscribe([&](const BatchEnd& e) { slow.see(e.step); });
  const Handle bounded = bus.on<BatchEnd>().named("bounded").overload(fail_beyond(200)) |
                         observe_on(io, {.capacity = 4096}) | subscribe([&](const BatchEnd& e) { other.see(e.step); });
  Producer producer = bus.producer("test");
  for (Step step = 1; step <= 3000; ++step) producer.publish(BatchEnd{.step = step});
  while (thinned->delivered() + thinned->dropped() < 3000) bus.wake(), std::this_thread::yield();
  slow.go.count_down();
  bus.flush();
  exact(thinned, 3000);
  EXPECT_LT(slow.seen.size(), 64u + 3000 / 50 + 64);
  EXPECT_TRUE(std::is_sorted(slow.seen.begin(), slow.seen.end()));
  EXPECT_TRUE(bounded->failed());
  EXPECT_NE(bounded->error().find("overloaded"), std::string::npos) << bounded->error();
  other.go.count_down();
}

/// Accounts that only grow, and whose parts never exceed the whole, read while everything runs.
TEST(Overload, AccountsReadLiveOnlyGrow) {
  Bus bus({.ring_capacity = 64});
  std::vector<Handle> handles;
  for (const Overload& policy : {lossless(), drop_oldest(16), latest(), keep_every(3, 8)}) {
    handles.push_back(bus.on<BatchEnd>().overload(policy) | subscribe([](const BatchEnd&) {}));
    handles.push_back(bus.on<BatchEnd>().overload(policy) | observe_on(io, {.capacity = 32}) |
                      subscribe([](const BatchEnd&) {}));
  }
  std::atomic<bool> over{false};
  std::jthread reader([&] {
    std::vector<std::array<std::uint64_t, 3>> before(handles.size());
    BusAccount sum_before;
    while (!over.load(std::memory_order_relaxed)) {
      for (std::size_t i = 0; i < handles.size(); ++i) {
        const std::array<std::uint64_t, 3> now{handles[i]->delivered(), handles[i]->dropped(), handles[i]->published()};
        for (std::size_t k = 0; k < 3; ++k) EXPECT_GE(now[k], before[i][k]);
        EXPECT_LE(handles[i]->pending(), 200'000u);
        before[i] = now;
      }
      const BusAccount sum = bus.account();
      EXPECT_GE(sum.delivered, sum_before.delivered);
      EXPECT_GE(sum.dropped, sum_before.dropped);
      EXPECT_GE(sum.published, sum_before.published);
      sum_before = sum;
    }
  });
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 2; ++t)
      threads.emplace_back([&] {
        Producer producer = bus.producer("test");
        for (Step step = 1; step <= 20'000; ++step) producer.publish(BatchEnd{.step = step});
      });
  }
  bus.flush();
  over.store(true, std::memory_order_relaxed);
  reader.join();
  for (const Handle& handle : handles) exact(handle, 40'000);
}

}  // namespace
}  // namespace sidestep
