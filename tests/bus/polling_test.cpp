// Buses without a thread of their own, which handlers poll.
#include <sidestep/bus.hpp>
#include <sidestep/operators.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

namespace sidestep {
namespace {

TEST(BusPolling, AHandlerMayPollAnotherBus) {
  for (const bool thread : {false, true}) {
    Bus inner({.thread = false});
    std::vector<Step> seen;
    inner.on<BatchEnd>() | subscribe([&](const BatchEnd& e) { seen.push_back(e.step); });
    Bus outer({.thread = thread});
    const Handle hands_on = outer.on<BatchEnd>() | subscribe([&](const BatchEnd& e) {
                              inner.publish(e);
                              while (inner.poll()) {
                              }
                            });
    for (Step step = 1; step <= 3; ++step) outer.publish(BatchEnd{.step = step});
    outer.flush();
    EXPECT_EQ(hands_on->error(), "");
    EXPECT_EQ(seen, (std::vector<Step>{1, 2, 3})) << (thread ? "on a thread" : "polled");
  }
}

TEST(BusPolling, AHandlerThatPollsItsOwnBusFailsInWords) {
  Bus bus({.thread = false});
  const Handle polls = bus.on<BatchEnd>() | subscribe([&](const BatchEnd&) { bus.poll(); });
  bus.publish(BatchEnd{.step = 1});
  bus.flush();
  EXPECT_TRUE(polls->failed());
  EXPECT_NE(polls->error().find("poll() was called from a handler of the same bus"), std::string::npos)
      << polls->error();
}

TEST(BusPolling, AHandlerThatPollsItsOwnBusByWayOfAnotherFailsInWords) {
  Bus one({.thread = false}), other({.thread = false});
  const Handle back = other.on<BatchEnd>() | subscribe([&](const BatchEnd&) { one.poll(); });
  const Handle there = one.on<BatchEnd>() | subscribe([&](const BatchEnd& e) {
                         other.publish(e);
                         other.poll();
                       });
  one.publish(BatchEnd{.step = 1});
  one.flush();
  EXPECT_NE(back->error().find("poll() was called from a handler of the same bus"), std::string::npos) << back->error();
  EXPECT_EQ(there->error(), "");
}

TEST(BusPolling, WhatAWindowHandsOverAtCloseCannotPollTheBusThatCloses) {
  Bus bus({.thread = false});
  const Handle polls = bus.on<BatchEnd>() | map([](const BatchEnd& e) { return e.loss; }) | window(count(10)) | mean() |
                       subscribe([&](double) { bus.poll(); });
  bus.publish(BatchEnd{.step = 1});
  bus.close();
  EXPECT_NE(polls->error().find("poll() was called from a handler of the same bus"), std::string::npos)
      << polls->error();
}

TEST(BusPolling, AHandlerDoesNotWaitWhileAnotherThreadPolls) {
  Bus inner({.thread = false}), outer;
  std::promise<void> polling, asked;
  inner.on<BatchEnd>() | subscribe([&](const BatchEnd&) {
    polling.set_value();
    asked.get_future().wait();
  });
  bool found = true;
  const Handle asks = outer.on<BatchEnd>() | subscribe([&](const BatchEnd&) {
                        found = inner.poll();
                        asked.set_value();
                      });
  inner.publish(BatchEnd{.step = 1});
  std::thread elsewhere([&] { inner.poll(); });
  polling.get_future().wait();
  outer.publish(BatchEnd{.step = 1});
  outer.flush();
  elsewhere.join();
  EXPECT_EQ(asks->error(), "");
  EXPECT_FALSE(found);
}

/// A lossless queue that is never empty, since values come as fast as they are taken.
TEST(BusFlush, ReturnsWhileAQueueIsSaturated) {
  constexpr Step most = 2'000'000;
  std::atomic<Step> published{0};
  std::atomic<bool> flushed{false};
  std::atomic<Step> seen{0};
  std::atomic<const QueueAccount*> queue{nullptr};
  Bus bus({.ring_capacity = 64});
  const Handle busy = bus.on<BatchEnd>() | observe_on(io, {.capacity = 16}) | subscribe([&](const BatchEnd& e) {
                        seen.store(e.step, std::memory_order_relaxed);
                        // relaxed, all: nothing is read behind them. When this value is done another one is in the
                        // queue.
                        const auto another = [&, account = queue.load(std::memory_order_relaxed)] {
                          return account != nullptr && account->handed.get() > static_cast<std::uint64_t>(e.step);
                        };
                        while (!another() && e.step < most && !flushed.load(std::memory_order_relaxed))
                          std::this_thread::yield();
                      });
  queue.store(busy->queues().front().get(), std::memory_order_relaxed);
  std::thread publisher([&] {
    Producer producer = bus.producer("publisher");
    for (Step step = 1; step <= most && !flushed.load(std::memory_order_relaxed); ++step) {
      producer.publish(BatchEnd{.step = step});
      published.store(step, std::memory_order_relaxed);
    }
  });
  while (seen.load(std::memory_order_relaxed) < 100) std::this_thread::yield();
  const Step before = published.load(std::memory_order_relaxed);
  bus.flush();
  EXPECT_GE(seen.load(std::memory_order_relaxed), before);
  EXPECT_LT(published.load(std::memory_order_relaxed), most) << "it returned when nothing was published any more";
  flushed.store(true, std::memory_order_relaxed);
  publisher.join();
  bus.close();
  EXPECT_EQ(busy->error(), "");
  EXPECT_EQ(seen.load(std::memory_order_relaxed), published.load(std::memory_order_relaxed));
}

/// What was dropped since stands for nothing that was there when flush() was called.
TEST(BusFlush, WaitsForAHandlerThoughNewerValuesWereDropped) {
  std::atomic<bool> began{false}, may_end{false}, flushed{false};
  Bus bus;
  const Handle newest = bus.on<BatchEnd>().overload(latest()) | observe_on(io) | subscribe([&](const BatchEnd& e) {
                          if (e.step != 1) return;
                          began.store(true, std::memory_order_relaxed);
                          while (!may_end.load(std::memory_order_relaxed)) std::this_thread::yield();
                        });
  const QueueAccount& queue = *newest->queues().front();
  Producer producer = bus.producer("publisher");
  producer.publish(BatchEnd{.step = 1});
  while (!began.load(std::memory_order_relaxed)) std::this_thread::yield();
  std::thread flushes([&] {
    bus.flush();
    flushed.store(true, std::memory_order_relaxed);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // it has looked; if not, the test asks for less
  for (Step step = 2; step <= 3; ++step) {
    producer.publish(BatchEnd{.step = step});
    while (queue.handed.get() < static_cast<std::uint64_t>(step)) bus.wake(), std::this_thread::yield();
  }
  while (queue.dropped.get() == 0) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(flushed.load(std::memory_order_relaxed));
  may_end.store(true, std::memory_order_relaxed);
  flushes.join();
  bus.close();
  EXPECT_EQ(newest->error(), "");
}

}  // namespace
}  // namespace sidestep
