#include "operators/reference.hpp"
#include "operators/stream.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

/// A door that a handler waits at and a test opens.
struct Door {
  std::atomic<bool> open{false}, reached{false};
  void pass() {
    reached.store(true, std::memory_order_release);
    reached.notify_all();
    open.wait(false, std::memory_order_acquire);
  }
  void await() { reached.wait(false, std::memory_order_acquire); }
  void let_through() {
    open.store(true, std::memory_order_release);
    open.notify_all();
  }
};

void publish(Bus& bus, int from, int to) {
  for (int i = from; i <= to; ++i) bus.publish(Number{static_cast<double>(i)});
}

template <class Where>
void in_order(const Where& where) {
  Bus bus;
  std::vector<double> seen;
  std::thread::id dispatcher, handler;
  const Handle handle = bus.on<Number>() | tap([&](const Number&) { dispatcher = std::this_thread::get_id(); }) |
                        observe_on(where) | map(&Number::value) | subscribe([&](double x) {
                          seen.push_back(x);
                          handler = std::this_thread::get_id();
                        });
  publish(bus, 1, 20000);
  bus.flush();
  ASSERT_EQ(seen.size(), 20000u);
  for (std::size_t i = 0; i < seen.size(); ++i) ASSERT_EQ(seen[i], static_cast<double>(i + 1));
  EXPECT_NE(handler, dispatcher);
  const QueueAccount& queue = *handle->queues().at(0);
  EXPECT_EQ(queue.handed.get(), 20000u);
  EXPECT_EQ(queue.finished.load(), 20000u);
  EXPECT_EQ(queue.queued(), 0u);
  EXPECT_TRUE(queue.idle());
  EXPECT_GE(queue.meter.max_backlog.get(), 1u);
  EXPECT_GE(queue.meter.delay.count(), 1u);
}

TEST(ObserveOn, IoHandlesInOrderOnAnotherThread) { in_order(io); }
TEST(ObserveOn, ComputeHandlesInOrderOnAnotherThread) { in_order(compute); }

TEST(ObserveOn, AnExecutorOfOnesOwn) {
  struct Threads final : Executor {
    std::vector<std::thread> threads;
    void post(std::shared_ptr<Work> work) override {
      threads.emplace_back([work = std::move(work)] { work->run(); });
    }
    ~Threads() override {
      for (auto& thread : threads) thread.join();
    }
  } mine;
  Bus bus;
  double sum = 0;
  bus.on<Number>() | map(&Number::value) | observe_on(mine) | subscribe([&](double x) { sum += x; });
  publish(bus, 1, 100);
  bus.close();
  EXPECT_EQ(sum, 5050);
}

TEST(ObserveOn, RunsWhereItIsToldWithTheRoomThatItIsTold) {
  struct Mine final : Executor {
    void post(std::shared_ptr<Work>) override {}
  } mine;
  EXPECT_EQ(observe_on(io).executor, &IoExecutor::executor());
  EXPECT_EQ(observe_on(compute).executor, &ComputeExecutor::executor());
  EXPECT_NE(&IoExecutor::executor(), &ComputeExecutor::executor());
  EXPECT_EQ(observe_on(mine).executor, &mine);
  EXPECT_EQ(observe_on(io, {.capacity = 7}).options.capacity, 7u);
  EXPECT_EQ(observe_on(compute, {.capacity = 7}).options.capacity, 7u);
  EXPECT_EQ(observe_on(mine, {.capacity = 7}).options.capacity, 7u);
}

TEST(ObserveOn, AnExecutorThatTakesNoWorkFailsThatPipelineAlone) {
  struct None final : Executor {
    void post(std::shared_ptr<Work>) override { throw std::runtime_error("no thread"); }
  } none;
  Bus bus;
  int others = 0;
  const Handle handle = bus.on<Number>() | map(&Number::value) | observe_on(none) | subscribe([](double) {});
  bus.on<Number>() | subscribe([&](const Number&) { ++others; });
  publish(bus, 1, 10);
  bus.flush();
  EXPECT_EQ(handle->error(), "its executor takes no work: no thread");
  EXPECT_EQ(others, 10);
  bus.close();
  EXPECT_EQ(handle->published(), handle->delivered() + handle->dropped() + handle->pending());
}

TEST(ObserveOn, SeveralInOneChain) {
  Bus bus;
  std::vector<double> seen;
  const Handle handle = bus.on<Number>() | map(&Number::value) | observe_on(io) | map([](double x) { return x + 1; }) |
                        observe_on(compute) | window(count(2)) | sum() | observe_on(io) |
                        subscribe([&](double x) { seen.push_back(x); });
  publish(bus, 1, 5);
  bus.close();
  EXPECT_EQ(seen, (std::vector<double>{5, 9, 6}));
  EXPECT_EQ(handle->parts(), 4u);
  EXPECT_EQ(handle->life(), Subscription::Life::completed);
}

TEST(ObserveOn, CarriesValuesOfAnyTypeAndEventsOfSeveral) {
  Bus bus;
  std::string seen;
  bus.on<Number, OtherNumber>() | observe_on(io) | subscribe([&](const OneOf<Number, OtherNumber>& e) {
    e.visit(
        [&](const auto& number) { seen += std::remove_cvref_t<decltype(number)>::name[0] + text_of(number.value); });
  });
  std::vector<std::string> texts;
  bus.on<Number>() | map([](const Number& n) { return std::string(40, 'x') + text_of(n.value); }) | observe_on(io) |
      subscribe([&](const std::string& text) { texts.push_back(text); });
  bus.publish(Number{1});
  bus.publish(OtherNumber{2});
  bus.flush();
  EXPECT_EQ(seen, "N1O2");
  EXPECT_EQ(texts, (std::vector<std::string>{std::string(40, 'x') + "1"}));
}

TEST(ObserveOn, AHandlerThatBlocksHoldsUpNoOther) {
  Bus bus;
  Door door;
  std::atomic<int> others{0};
  bus.on<Number>() | observe_on(io) | subscribe([&](const Number&) { door.pass(); });
  for (int i = 0; i < 3; ++i)
    bus.on<Number>() | observe_on(io) | subscribe([&](const Number&) {
      others.fetch_add(1);
      others.notify_all();
    });
  publish(bus, 1, 1);
  door.await();
  for (int seen = others.load(); seen < 3; seen = others.load()) others.wait(seen);
  door.let_through();
  bus.flush();
}

TEST(ObserveOn, AFullQueueMakesThePublisherWaitInTheEndAndLosesNothing) {
  Bus bus({.ring_capacity = 16});
  Door door;
  std::uint64_t count = 0;
  const Handle handle = bus.on<Number>() | observe_on(io, {.capacity = 4}) | subscribe([&](const Number&) {
                          if (count++ == 0) door.pass();
                        });
  std::thread publisher([&] { publish(bus, 1, 200); });
  door.await();
  // Nothing is taken: at most four values are in the queue, whatever the publisher does.
  while (bus.account().publisher_waits == 0) std::this_thread::yield();
  EXPECT_EQ(handle->queues()[0]->handed.get(), 4u);
  EXPECT_EQ(handle->queues()[0]->queued(), 4u);
  door.let_through();
  publisher.join();
  bus.flush();
  EXPECT_EQ(count, 200u);
  EXPECT_EQ(handle->queues()[0]->handed.get(), 200u);
  EXPECT_TRUE(handle->queues()[0]->idle());
  EXPECT_EQ(handle->pending(), 0u);
}

TEST(ObserveOn, WhatTakesNothingForTheDeadlineIsFailedAndNothingIsHandedOverAfter) {
  Bus bus({.deadline = 200ms});
  // The handler may come through the door when the test is over: both own it.
  const auto door = std::make_shared<Door>();
  const auto handled = std::make_shared<std::atomic<int>>(0);
  const Handle handle = bus.on<Number>() | observe_on(io, {.capacity = 2}) | subscribe([door, handled](const Number&) {
                          handled->fetch_add(1);
                          door->pass();
                        });
  std::atomic<int> others{0};
  bus.on<Number>() | subscribe([&](const Number&) { others.fetch_add(1); });
  publish(bus, 1, 10);
  bus.flush();
  EXPECT_TRUE(handle->failed());
  EXPECT_NE(handle->error().find("has not taken an event for 0.20 s"), std::string::npos) << handle->error();
  EXPECT_EQ(others.load(), 10);
  const auto handed = handle->queues()[0]->handed.get();
  publish(bus, 11, 20);
  bus.flush();
  EXPECT_EQ(handle->queues()[0]->handed.get(), handed);
  EXPECT_EQ(others.load(), 20);
  door->let_through();
  bus.close();
  EXPECT_EQ(handled->load(), 1) << "what was still queued is not handled after a gap";
  EXPECT_EQ(handed, handle->queues()[0]->finished.load() + handle->queues()[0]->queued());
}

TEST(ObserveOn, EndingOneThatHangsTakesNoLongerThanTheDeadline) {
  for (const bool thread : {true, false}) {
    Bus bus({.thread = thread, .deadline = 100ms});
    const auto door = std::make_shared<Door>();
    const auto inside = std::make_shared<std::atomic<bool>>(false);
    const Handle handle = bus.on<Number>() | observe_on(io) | subscribe([door, inside](const Number&) {
                            inside->store(true);
                            door->pass();
                          });
    publish(bus, 1, 2);
    while (!inside->load()) {
      if (!thread) bus.poll();
      std::this_thread::yield();
    }
    handle->end();
    EXPECT_TRUE(handle->life() != Subscription::Life::running);
    EXPECT_NE(handle->error().find("within the deadline"), std::string::npos) << handle->error();
    door->let_through();
  }
}

TEST(ObserveOn, AThrowBehindItFailsThisPipelineAlone) {
  Bus bus;
  int before = 0, others = 0;
  const Handle handle = bus.on<Number>() | observe_on(io) | map(&Number::value) | subscribe([&](double x) {
                          if (x == 3) throw std::runtime_error("three");
                          ++before;
                        });
  bus.on<Number>() | subscribe([&](const Number&) { ++others; });
  publish(bus, 1, 5);
  bus.flush();
  EXPECT_TRUE(handle->failed());
  EXPECT_EQ(handle->error(), "three");
  EXPECT_EQ(before, 2);
  EXPECT_EQ(others, 5);
  EXPECT_EQ(handle->queues()[0]->finished.load(), 3u);
  bus.close();
}

// What was handed over before the throw still counts: a decider's requests must not depend on how far its thread
// happened to be.
TEST(ObserveOn, AThrowBeforeItFailsBehindWhatWasHandedOver) {
  Bus bus;
  Door door;
  std::vector<double> seen;
  const Handle handle = bus.on<Number>() | map([](const Number& n) {
                          if (n.value == 4) throw std::runtime_error("four");
                          return n.value;
                        }) |
                        observe_on(io) | observe_on(io) | subscribe([&](double x) {
                          if (seen.empty()) door.pass();
                          seen.push_back(x);
                        });
  publish(bus, 1, 6);
  door.await();
  door.let_through();
  bus.flush();
  EXPECT_EQ(handle->error(), "four");
  EXPECT_EQ(seen, (std::vector<double>{1, 2, 3}));
}

TEST(ObserveOn, StateIsSavedInOrderOnEachSide) {
  const auto build = [](Bus& bus, std::vector<double>& seen) {
    return bus.on<Number>() | map(&Number::value) | every(2) | observe_on(io) |
           scan(0.0, [](double a, double x) { return a + x; }) |
           subscribe(saved, pure([&](double x) { seen.push_back(x); }));
  };
  std::vector<double> first_seen, second_seen;
  States states;
  {
    Bus bus;
    bus.cut_sink(&states);
    build(bus, first_seen);
    Producer producer = bus.producer("trainer", sidestep::Stream::trainer);
    for (int i = 1; i <= 5; ++i) producer.publish(Number{static_cast<double>(i)});
    producer.publish(Barrier{.step = 1, .cut = 1});
    for (int i = 6; i <= 8; ++i) producer.publish(Number{static_cast<double>(i)});
    bus.close();
  }
  EXPECT_EQ(first_seen, (std::vector<double>{2, 6, 12, 20}));
  Bus bus;
  bus.cut_sink(&states);
  build(bus, second_seen);
  Producer producer = bus.producer("trainer", sidestep::Stream::trainer);
  producer.publish(CheckpointLoaded{.step = 1, .file = {}});
  for (int i = 6; i <= 8; ++i) producer.publish(Number{static_cast<double>(i)});
  bus.close();
  EXPECT_EQ(second_seen, (std::vector<double>{12, 20}));
}

// Each part waits for room in front of the next one, and all of them for the same few threads.
TEST(ObserveOn, PartsThatShareAnExecutorDoNotWaitForEachOtherForEver) {
  struct One final : Executor {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::shared_ptr<Work>> waiting;
    bool closing = false;
    std::thread thread{[this] {
      std::unique_lock lock(mutex);
      for (;;) {
        changed.wait(lock, [this] { return closing || !waiting.empty(); });
        if (waiting.empty()) return;
        const std::shared_ptr<Work> work = waiting.front();
        waiting.pop_front();
        lock.unlock();
        work->run();
        lock.lock();
      }
    }};
    void post(std::shared_ptr<Work> work) override {
      const std::lock_guard lock(mutex);
      waiting.push_back(std::move(work));
      changed.notify_one();
    }
    ~One() override {
      {
        const std::lock_guard lock(mutex);
        closing = true;
      }
      changed.notify_one();
      thread.join();
    }
  } one;
  Bus bus({.deadline = 2s});
  double count = 0;
  const Handle handle = bus.on<Number>() | observe_on(one, {.capacity = 2}) | map(&Number::value) |
                        observe_on(one, {.capacity = 2}) | observe_on(one, {.capacity = 2}) |
                        subscribe([&](double) { ++count; });
  const Handle other = bus.on<Number>() | observe_on(compute, {.capacity = 2}) | observe_on(compute, {.capacity = 2}) |
                       subscribe([](const Number&) {});
  publish(bus, 1, 500);
  bus.close();
  EXPECT_EQ(count, 500) << handle->error();
  EXPECT_FALSE(other->failed()) << other->error();
}

TEST(ObserveOn, HandlersMayPublishWithoutWaiting) {
  Bus bus({.ring_capacity = 8});
  std::atomic<int> echoes{0};
  bus.on<Number>() | observe_on(io, {.capacity = 4}) | subscribe([&](const Number& n) {
    for (int i = 0; i < 20; ++i) bus.publish(OtherNumber{n.value});
  });
  bus.on<OtherNumber>() | observe_on(io, {.capacity = 4}) | subscribe([&](const OtherNumber&) { echoes.fetch_add(1); });
  publish(bus, 1, 50);
  bus.close();
  EXPECT_EQ(echoes.load(), 1000);
}

TEST(ObserveOn, TicksArriveBehindIt) {
  ManualClock clock;
  Bus bus({.clock = &clock});
  std::atomic<double> seen{0};
  bus.on<Number>() | map(&Number::value) | observe_on(io) | debounce(5ns) | subscribe([&](double x) {
    seen.store(x);
    seen.notify_all();
  });
  bus.publish(Number{7});
  bus.flush();
  EXPECT_EQ(seen.load(), 0);
  clock.set(10);
  seen.wait(0);
  EXPECT_EQ(seen.load(), 7);
}

TEST(ObserveOn, MayBeEndedAtAnyMoment) {
  for (int round = 0; round < 50; ++round) {
    Bus bus;
    std::atomic<int> after{0};
    std::atomic<bool> ended{false};
    const Handle handle = bus.on<Number>() | observe_on(io, {.capacity = 8}) | observe_on(compute, {.capacity = 8}) |
                          subscribe([&](const Number&) {
                            if (ended.load()) after.fetch_add(1);
                          });
    std::thread publisher([&] { publish(bus, 1, 200); });
    if (round % 2 == 0) std::this_thread::yield();
    handle->end();
    ended.store(true);
    publisher.join();
    bus.flush();
    EXPECT_EQ(after.load(), 0);
    EXPECT_EQ(handle->life(), Subscription::Life::ended);
  }
}

TEST(ObserveOn, RefusesAQueueOfNothing) {
  Bus bus({.thread = false});
  EXPECT_THROW(bus.on<Number>() | observe_on(io, {.capacity = 0}) | subscribe([](const Number&) {}), OperatorError);
}

TEST(ObserveOn, GivesWhatTheChainGivesWithoutIt) {
  expect_of_random_streams([](const Moments& stream, std::size_t span) {
    Bus bus({.ring_capacity = 64, .thread = false});
    Values here, there;
    const auto chain = [](auto in) { return std::move(in) | throttle(3ns) | window(count(2)) | sum(); };
    chain(bus.on<Number>() | map(&Number::value)) | subscribe([&](double x) { here.push_back(x); });
    chain(bus.on<Number>() | map(&Number::value) | observe_on(io, {.capacity = span})) |
        subscribe([&](double x) { there.push_back(x); });
    Producer producer = bus.producer("test");
    for (const Moment& one : stream)
      if (one.value) producer.publish_at(one.at, Number{*one.value});
    bus.close();
    return near(here, there);
  });
}

}  // namespace
