// Several dispatchers: each pipeline on one of them, each of them with a place of its own in every ring. And how they
// wait.
#include <sidestep/bus.hpp>
#include <sidestep/operators.hpp>

#include <gtest/gtest.h>

#include <sched.h>

#include <array>

#include <atomic>
#include <latch>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace sidestep {
namespace {

TEST(Dispatchers, EachPipelineSeesEveryEventOnceInOrderOnOneThread) {
  constexpr int pipelines = 6, events = 20'000;
  Bus bus({.ring_capacity = 64, .dispatchers = 3});
  struct Seen {
    std::vector<Step> last = std::vector<Step>(2);
    std::uint64_t count = 0, wrong = 0;
    std::set<std::thread::id> threads;
  };
  std::vector<Seen> seen(pipelines);
  std::vector<Handle> handles;
  for (Seen& one : seen)
    handles.push_back(bus.on<Metric>() | subscribe([&one](const Metric& m) {
                        Step& last = one.last[static_cast<std::size_t>(m.epoch)];
                        one.wrong += m.step != last + 1 ? 1 : 0;
                        last = m.step;
                        ++one.count;
                        one.threads.insert(std::this_thread::get_id());
                      }));
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 2; ++t)
      threads.emplace_back([&, t] {
        Producer producer = bus.producer("test");
        for (Step step = 1; step <= events; ++step) producer.publish(Metric{.step = step, .epoch = t});
      });
  }
  bus.flush();
  std::set<std::thread::id> all;
  for (int i = 0; i < pipelines; ++i) {
    const auto k = static_cast<std::size_t>(i);
    EXPECT_EQ(seen[k].count, 2u * events);
    EXPECT_EQ(seen[k].wrong, 0u);
    EXPECT_EQ(seen[k].threads.size(), 1u);
    all.merge(seen[k].threads);
    EXPECT_EQ(handles[k]->published(), 2u * events);
    EXPECT_EQ(handles[k]->pending(), 0u);
  }
  EXPECT_EQ(all.size(), 3u);
  EXPECT_EQ(bus.account().events, 2u * events);
  bus.close();
}

TEST(Dispatchers, ASlowPipelineHoldsUpNobodyOnAnotherDispatcher) {
  Bus bus({.ring_capacity = 1024, .dispatchers = 2});
  std::latch go{1};
  std::atomic<std::uint64_t> quick{0};
  const Handle slow = bus.on<BatchEnd>().on_dispatcher(1) | subscribe([&](const BatchEnd&) { go.wait(); });
  const Handle fast = bus.on<BatchEnd>().on_dispatcher(0) |
                      subscribe([&](const BatchEnd&) { quick.fetch_add(1, std::memory_order_release); });
  Producer producer = bus.producer("test");
  for (Step step = 1; step <= 1024; ++step) producer.publish(BatchEnd{.step = step});
  // although the other stands at its first span
  while (quick.load(std::memory_order_acquire) < 1024) std::this_thread::yield();
  EXPECT_FALSE(producer.try_publish(BatchEnd{})) << "what one has not read is not written over";
  EXPECT_LT(slow->delivered(), 1024u);
  go.count_down();
  bus.flush();
  EXPECT_EQ(slow->delivered(), 1024u);
  EXPECT_EQ(fast->delivered(), 1024u);
}

TEST(Dispatchers, WhatDecidesOrIsSavedRunsOnTheFirst) {
  Bus bus({.dispatchers = 4});
  std::map<int, std::thread::id> where;
  std::mutex mutex;
  const auto note = [&](int which) {
    const std::lock_guard lock(mutex);
    where[which] = std::this_thread::get_id();
  };
  bus.on<BatchEnd>().on_dispatcher(0) | subscribe([&](const BatchEnd&) { note(-1); });
  for (int i = 0; i < 3; ++i) bus.on<BatchEnd>() | subscribe(saved, pure([&, i](const BatchEnd&) { note(i); }));
  EXPECT_THROW(bus.on<BatchEnd>().on_dispatcher(1) | subscribe(saved, pure([](const BatchEnd&) {})), BusError);
  EXPECT_THROW(bus.on<BatchEnd>().on_dispatcher(4) | subscribe([](const BatchEnd&) {}), BusError);
  bus.producer("trainer", Stream::trainer).publish(BatchEnd{.step = 1});
  bus.flush();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(where.at(i), where.at(-1));
}

TEST(Dispatchers, CloseCompletesAllInOrderOfRegistrationAndHandsOverWhatIsPublishedThen) {
  for (const bool threads : {false, true}) {
    Bus bus({.ring_capacity = 16, .thread = threads, .dispatchers = 3});
    std::vector<int> order;
    std::atomic<int> told{0};
    struct Ends {
      Bus* bus;
      std::vector<int>* order;
      int which;
      void operator()(const BatchEnd&) {}
      void end() {
        order->push_back(which);
        bus->publish(Metric{.step = which});
      }
    };
    for (int i = 0; i < 6; ++i) bus.on<BatchEnd>() | subscribe(Ends{&bus, &order, i});
    bus.on<Metric>() | subscribe([&](const Metric&) { told.fetch_add(1, std::memory_order_relaxed); });
    {
      Producer producer = bus.producer("test");
      for (Step step = 1; step <= 1000; ++step) {
        producer.publish(BatchEnd{.step = step});
        if (!threads) bus.poll();
      }
    }
    bus.close();
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5}));
    EXPECT_EQ(told, 6);
  }
}

TEST(Dispatchers, SpilledEventsReachThemAllInOrder) {
  Bus bus({.ring_capacity = 4, .dispatchers = 2});
  std::vector<std::vector<Step>> seen(4);
  for (auto& one : seen) bus.on<Metric>() | subscribe([&one](const Metric& m) { one.push_back(m.step); });
  bus.on<BatchEnd>() | subscribe([&](const BatchEnd& e) {
    for (Step i = 0; i < 50; ++i) bus.publish(Metric{.step = e.step * 100 + i});
  });
  Producer producer = bus.producer("test");
  for (Step step = 1; step <= 20; ++step) producer.publish(BatchEnd{.step = step});
  bus.close();
  for (const auto& one : seen) {
    EXPECT_EQ(one.size(), 1000u);
    EXPECT_TRUE(std::is_sorted(one.begin(), one.end()));
  }
}

TEST(Dispatchers, OneThatHangsIsNamed) {
  static std::latch go{1};
  Bus bus({.ring_capacity = 16, .dispatchers = 2, .deadline = std::chrono::milliseconds(100)});
  const Handle hung =
      bus.on<BatchEnd>().named("hangs").on_dispatcher(1) | subscribe([](const BatchEnd&) { go.wait(); });
  bus.on<BatchEnd>().on_dispatcher(0) | subscribe([](const BatchEnd&) {});
  bus.producer("test").publish(BatchEnd{});
  bus.flush();
  EXPECT_TRUE(hung->failed());
  bus.close();
  go.count_down();
}

TEST(Dispatchers, AHandlerThatHangsIsGivenUpByAPublisherThatWaitsForRoom) {
  static std::latch go{1};
  Bus bus({.ring_capacity = 64, .deadline = std::chrono::milliseconds(300)});
  const Handle hung = bus.on<BatchEnd>().named("hangs") | subscribe([](const BatchEnd&) { go.wait(); });
  std::uint64_t others = 0;
  bus.on<BatchEnd>().named("other") | subscribe([&](const BatchEnd&) { ++others; });
  EXPECT_FALSE(bus.given_up());
  Producer producer = bus.producer("test");
  for (Step step = 0; step < 200; ++step) producer.publish(BatchEnd{.step = step});  // nobody flushes, nobody closes
  EXPECT_TRUE(bus.given_up());
  EXPECT_FALSE(bus.closed());
  EXPECT_TRUE(hung->failed());
  EXPECT_NE(hung->error().find("put observe_on(io) before it"), std::string::npos) << hung->error();
  EXPECT_EQ(bus.account().events + bus.account().after_close, 200u + 1u) << "and a PipelineFailed";
  EXPECT_GE(bus.account().after_close, 100u);
  const std::uint64_t before = bus.account().after_close;
  bus.abandon_dispatcher();  // by another who waited
  EXPECT_EQ(bus.account().after_close, before);
  bus.close();
  EXPECT_EQ(others, 0u) << "nothing more is delivered";
  go.count_down();
}

TEST(Dispatchers, NoneOrTooManyAreRefused) {
  EXPECT_THROW(Bus({.dispatchers = 0}), BusError);
  EXPECT_THROW(Bus({.dispatchers = 65}), BusError);
}

TEST(Dispatchers, MayBeSaidBeforeTheFirstProducerAndPipeline) {
  Bus bus;
  bus.dispatchers(2);
  std::array<std::thread::id, 2> ran{};
  for (int i = 0; i < 2; ++i)
    bus.on<BatchEnd>().on_dispatcher(i) |
        subscribe([&ran, i](const BatchEnd&) { ran[static_cast<std::size_t>(i)] = std::this_thread::get_id(); });
  bus.producer("test").publish(BatchEnd{});
  bus.flush();
  EXPECT_NE(ran[0], std::thread::id());
  EXPECT_NE(ran[1], std::thread::id());
  EXPECT_NE(ran[0], ran[1]);
  EXPECT_THROW(bus.dispatchers(3), BusError) << "a pipeline is there";
  Bus other;
  EXPECT_THROW(other.dispatchers(0), BusError);
  const Producer producer = other.producer("test");
  EXPECT_THROW(other.dispatchers(2), BusError) << "a producer is there";
}

TEST(Dispatchers, RunOnTheCpusThatAreNamed) {
  cpu_set_t allowed;
  ASSERT_EQ(sched_getaffinity(0, sizeof allowed, &allowed), 0);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    Bus bus({.cpus = {cpu}});
    int ran = -1;
    bus.on<BatchEnd>() | subscribe([&](const BatchEnd&) { ran = sched_getcpu(); });
    bus.producer("test").publish(BatchEnd{});
    bus.flush();
    EXPECT_EQ(ran, cpu);
  }
  EXPECT_THROW(Bus({.cpus = {CPU_SETSIZE - 1}}), BusError);
  EXPECT_THROW(Bus({.cpus = {-1}}), BusError);
}

TEST(Dispatchers, EveryWayOfWaitingDeliversAndCloses) {
  for (const Waiting waiting : {Waiting::park, Waiting::yield, Waiting::busy_spin})
    for (const unsigned dispatchers : {1U, 2U}) {
      Bus bus({.ring_capacity = 64, .waiting = waiting, .dispatchers = dispatchers});
      std::atomic<std::uint64_t> seen{0};
      for (int i = 0; i < 2; ++i)
        bus.on<BatchEnd>() | subscribe([&](const BatchEnd&) { seen.fetch_add(1, std::memory_order_release); });
      Producer producer = bus.producer("test");
      for (Step step = 1; step <= 500; ++step) producer.publish(BatchEnd{.step = step});
      while (seen.load(std::memory_order_acquire) < 1000) std::this_thread::yield();  // nobody wakes it
      bus.close();
      EXPECT_EQ(seen, 1000u);
    }
}

}  // namespace
}  // namespace sidestep
