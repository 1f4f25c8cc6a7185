// Buses without a thread of their own, which handlers poll.
#include <sidestep/bus.hpp>
#include <sidestep/operators.hpp>

#include <gtest/gtest.h>

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
      while (inner.poll()) {}
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
  EXPECT_NE(polls->error().find("poll() was called from a handler of the same bus"), std::string::npos) << polls->error();
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
  EXPECT_NE(polls->error().find("poll() was called from a handler of the same bus"), std::string::npos) << polls->error();
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

}  // namespace
}  // namespace sidestep
