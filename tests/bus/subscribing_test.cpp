// Subscribing and ending, from wherever; cycles of handlers that publish.
#include <sidestep/bus.hpp>
#include <sidestep/operators.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

namespace sidestep {
namespace {

TEST(BusSubscribing, InsideAHandlerItSeesWhatIsPublishedAfterItAndNothingBefore) {
  Bus bus({.thread = false});
  std::vector<Step> seen;
  Handle inner;
  Producer producer = bus.producer("test");
  bus.on<BatchEnd>() | subscribe([&](const BatchEnd& e) {
    if (e.step != 2) return;
    inner = bus.on<BatchEnd>() | subscribe([&](const BatchEnd& i) { seen.push_back(i.step); });
    producer.publish(BatchEnd{.step = 10});  // behind 3 and 4, which lie in the ring already
  });
  for (Step step = 1; step <= 4; ++step) producer.publish(BatchEnd{.step = step});
  bus.flush();
  producer.publish(BatchEnd{.step = 11});
  bus.flush();
  EXPECT_EQ(seen, (std::vector<Step>{10, 11}));
  EXPECT_EQ(inner->published(), 2u);
}

TEST(BusSubscribing, WhoEndsHimselfInHisHandlerSeesNothingMore) {
  for (const bool threads : {false, true}) {
    Bus bus({.thread = threads});
    std::vector<Step> seen;
    std::atomic<std::uint64_t> others{0};
    Handle self;
    std::atomic<bool> known{false};
    self = bus.on<BatchEnd>() | subscribe([&](const BatchEnd& e) {
             while (!known.load(std::memory_order_acquire)) std::this_thread::yield();
             seen.push_back(e.step);
             if (e.step == 3) self->end();
           });
    known.store(true, std::memory_order_release);
    const Handle other =
        bus.on<BatchEnd>() | subscribe([&](const BatchEnd&) { others.fetch_add(1, std::memory_order_relaxed); });
    Producer producer = bus.producer("test");
    // many are in the ring, and in the same span
    for (Step step = 1; step <= 500; ++step) producer.publish(BatchEnd{.step = step});
    bus.flush();
    EXPECT_EQ(seen, (std::vector<Step>{1, 2, 3}));
    EXPECT_EQ(self->life(), Subscription::Life::ended);
    EXPECT_EQ(self->delivered(), 3u);
    EXPECT_EQ(self->published(), 3u);
    EXPECT_EQ(others, 500u);
  }
}

TEST(BusSubscribing, TheSameBehindObserveOnAndInAChain) {
  Bus bus;
  std::vector<double> seen;
  Handle self;
  std::atomic<bool> known{false};
  self = bus.on<BatchEnd>() | map(&BatchEnd::loss) | observe_on(io) | subscribe([&](double loss) {
           while (!known.load(std::memory_order_acquire)) std::this_thread::yield();
           seen.push_back(loss);
           if (loss == 3) self->end();
         });
  Producer producer = bus.producer("test");
  for (Step step = 1; step <= 500; ++step) producer.publish(BatchEnd{.loss = static_cast<double>(step)});
  known.store(true, std::memory_order_release);
  bus.flush();
  EXPECT_EQ(seen, (std::vector<double>{1, 2, 3}));
  self->end();  // from here: waits until the dispatcher has seen it
  EXPECT_EQ(self->life(), Subscription::Life::ended);
  EXPECT_EQ(self->queues().front()->queued(), 0u);
}

TEST(BusSubscribing, WhoThrowsWhenHeHasBeenEndedKeepsNobodyWaiting) {
  constexpr std::chrono::seconds deadline(60);
  Bus bus({.deadline = deadline});
  std::latch go(1);
  const Handle ended = bus.on<BatchEnd>() | observe_on(io) | subscribe([&](const BatchEnd&) {
                         go.wait();
                         throw std::runtime_error("too late");
                       });
  Producer producer = bus.producer("test");
  for (Step step = 1; step <= 5; ++step) producer.publish(BatchEnd{.step = step});
  const auto begin = std::chrono::steady_clock::now();
  std::thread ends([&] { ended->end(); });
  while (ended->life() == Subscription::Life::running) std::this_thread::yield();
  go.count_down();
  ends.join();
  bus.flush();
  bus.close();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, deadline);  // nobody waited for what it left in its queue
  EXPECT_EQ(ended->life(), Subscription::Life::ended);
  EXPECT_EQ(ended->error(), "too late");
}

TEST(BusSubscribing, WhoEndsAnotherInAHandlerKeepsWhatWasPublishedBefore) {
  Bus bus({.thread = false});
  std::vector<Step> seen;
  Producer producer = bus.producer("test");
  Handle other;
  bus.on<BatchEnd>() | subscribe([&](const BatchEnd& e) {
    if (e.step != 2) return;
    other->end();
    producer.publish(BatchEnd{.step = 10});
  });
  other = bus.on<BatchEnd>() | subscribe([&](const BatchEnd& e) { seen.push_back(e.step); });
  for (Step step = 1; step <= 4; ++step) producer.publish(BatchEnd{.step = step});
  bus.flush();
  EXPECT_EQ(seen, (std::vector<Step>{1, 2, 3, 4}));
  EXPECT_EQ(other->life(), Subscription::Life::ended);
}

TEST(BusSubscribing, WhatHasSpilledBeforeIsNotSeenAndWhatSpillsAfterTheEndIsNeither) {
  Bus bus({.ring_capacity = 4, .thread = false});
  std::vector<Step> seen;
  Handle late, ended;
  std::uint64_t before_end = 0;
  bus.on<BatchEnd>() | subscribe([&](const BatchEnd& e) {
    for (Step i = 0; i < 10; ++i) bus.publish(Metric{.step = i});
    if (e.step == 1) late = bus.on<Metric>() | subscribe([&](const Metric& m) { seen.push_back(m.step); });
    ended->end();
    for (Step i = 10; i < 20; ++i) bus.publish(Metric{.step = i});
  });
  ended = bus.on<Metric>() | subscribe([&](const Metric&) { ++before_end; });
  bus.producer("test").publish(BatchEnd{.step = 1});
  bus.flush();
  bus.flush();
  EXPECT_EQ(seen, (std::vector<Step>{10, 11, 12, 13, 14, 15, 16, 17, 18, 19}));
  EXPECT_EQ(before_end, 10u);
}

TEST(BusSubscribing, ByProducerAndBySetOfTypes) {
  Bus bus({.thread = false});
  Producer lidar = bus.producer("lidar"), camera = bus.producer("camera"), second = bus.producer("lidar");
  const Handle of_lidar = bus.on<Metric>().from("lidar") | subscribe([](const Metric&) {});
  const Handle nobody = bus.on<Metric>().from("radar") | subscribe([](const Metric&) {});
  const Handle both = bus.on<Metric, BatchEnd>() | subscribe([](const OneOf<Metric, BatchEnd>&) {});
  lidar.publish(Metric{}), second.publish(Metric{}), camera.publish(Metric{}), camera.publish(BatchEnd{}),
      lidar.publish(BatchEnd{});
  bus.flush();
  EXPECT_EQ(of_lidar->published(), 2u);
  EXPECT_EQ(of_lidar->delivered(), 2u);
  EXPECT_EQ(nobody->published(), 0u);
  EXPECT_EQ(both->delivered(), 5u);
}

TEST(BusSubscribing, FromManyThreadsWhileEventsCome) {
  Bus bus({.ring_capacity = 64, .dispatchers = 2});
  std::atomic<bool> over{false};
  std::jthread publisher([&] {
    Producer producer = bus.producer("test");
    while (!over.load(std::memory_order_relaxed)) producer.publish(BatchEnd{});
  });
  std::vector<std::jthread> threads;
  for (int t = 0; t < 2; ++t)
    threads.emplace_back([&, t] {
      Producer own = bus.producer("own");
      for (int i = 0; i < 30; ++i) {
        std::atomic<std::uint64_t> mine{0};
        const Handle handle = bus.on<BatchEnd, Metric>() | subscribe([&](const OneOf<BatchEnd, Metric>& e) {
                                mine.fetch_add(e.get_if<Metric>() != nullptr ? 1 : 0, std::memory_order_relaxed);
                              });
        own.publish(Metric{.step = t});
        handle->end();
        const std::uint64_t seen = mine.load(std::memory_order_relaxed);
        EXPECT_GE(seen, 1u) << "published after subscribe returned, and before it ended";
        own.publish(Metric{.step = t});
        EXPECT_EQ(handle->pending(), 0u);
        EXPECT_EQ(handle->published(), handle->delivered());
      }
    });
  threads.clear();
  over.store(true, std::memory_order_relaxed);
}

TEST(BusCycle, AHandlerThatAnswersItsOwnEventsFailsAndTheBusGoesOn) {
  Bus bus({.ring_capacity = 16, .thread = false});
  std::uint64_t innocent = 0;
  std::string failed;
  const Handle cycle = bus.on<Metric>().named("echo") | subscribe([&](const Metric& m) {
                         bus.publish(m);
                         bus.publish(m);  // each event causes two: in the end any memory is full of them
                       });
  const Handle other = bus.on<Metric>().named("innocent") | subscribe([&](const Metric&) {
                         if (++innocent % 1000 == 0) bus.publish(BatchEnd{});
                       });
  bus.on<PipelineFailed>() | subscribe([&](const PipelineFailed& f) { failed = f.pipeline.text(); });
  bus.producer("test").publish(Metric{});
  for (int i = 0; i < 100'000 && !cycle->failed(); ++i) bus.poll();
  ASSERT_TRUE(cycle->failed());
  EXPECT_NE(cycle->error().find("publishes more than the bus can hand over"), std::string::npos) << cycle->error();
  bus.close();  // comes to an end
  EXPECT_EQ(failed, "echo");
  EXPECT_FALSE(other->failed()) << other->error();
  EXPECT_EQ(other->pending(), 0u);
  EXPECT_EQ(cycle->published(), cycle->delivered() + cycle->dropped() + cycle->pending());
}

TEST(BusCycle, ByWayOfOthersAndBehindObserveOn) {
  Bus bus({.ring_capacity = 16});
  const Handle there =
      bus.on<Metric>().named("there") | observe_on(io, {.capacity = 16}) | subscribe([&](const Metric& m) {
        bus.publish(BatchEnd{.step = m.step});
        bus.publish(BatchEnd{.step = m.step});
      });
  const Handle back =
      bus.on<BatchEnd>().named("back") | subscribe([&](const BatchEnd& e) { bus.publish(Metric{.step = e.step}); });
  bus.producer("test").publish(Metric{});
  while (!there->failed() && !back->failed()) std::this_thread::yield();
  bus.close();
  EXPECT_TRUE(bus.closed());
}

TEST(BusSubscribing, ANameThatWasFreedIsNotFreedAgainWhenItsPipelineIsForgotten) {
  Bus bus({.thread = false});
  Producer producer = bus.producer("test");
  const auto nothing = [](const BatchEnd&) {};
  Handle first = bus.on<BatchEnd>().named("x") | subscribe(nothing), second;
  bus.on<EpochEnd>() | subscribe([&](const EpochEnd&) {
    first->end();
    second = bus.on<BatchEnd>().named("x") | subscribe(nothing);
  });
  producer.publish(EpochEnd{});
  bus.flush();
  while (bus.poll()) {
  }
  const Handle third = bus.on<BatchEnd>().named("x") | subscribe(nothing);
  EXPECT_EQ(second->name(), "x");
  EXPECT_NE(third->name(), "x");
}

TEST(BusSubscribing, EndedByItsOwnHandlerALossyOneSeesNothingMoreEither) {
  Bus bus({.thread = false});
  Producer producer = bus.producer("test");
  Handle handle;
  int seen = 0;
  handle = bus.on<BatchEnd, EpochEnd>().overload(keep_every(1, 0)) | subscribe([&](const auto&) {
             if (++seen == 1) handle->end();
           });
  producer.publish(BatchEnd{});
  producer.publish(EpochEnd{});  // never dropped, so in a piece of its own
  producer.publish(BatchEnd{});
  bus.flush();
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(handle->published(), handle->delivered() + handle->dropped());
}

TEST(BusCycle, OneEventForOneEventEndsAtClose) {
  for (const bool thread : {false, true})
    for (const bool behind : {false, true}) {
      Bus bus({.thread = thread, .deadline = std::chrono::milliseconds(300)});
      const auto answer = [&](const Metric& m) { bus.publish(Metric{.step = m.step + 1}); };
      const Handle cycle = behind ? bus.on<Metric>().named("echo") | observe_on(io) | subscribe(answer)
                                  : bus.on<Metric>().named("echo") | subscribe(answer);
      std::uint64_t heard = 0;
      const Handle listens = bus.on<Metric>() | subscribe([&](const Metric&) { ++heard; });
      bus.publish(Metric{.step = 1});
      bus.close();
      EXPECT_NE(cycle->error().find("its events don't end"), std::string::npos) << cycle->error();
      EXPECT_EQ(listens->error(), "");
      EXPECT_EQ(listens->life(), Subscription::Life::completed);
      EXPECT_GT(heard, 1u);
      EXPECT_EQ(listens->published(), heard);
    }
}

/// What a window held comes once, and so does what is said to it: neither makes the events go on.
TEST(BusCycle, WhoPublishesWhatItHeldAtItsEndIsNoCycleAndNeitherIsWhoAnswersThat) {
  for (const bool thread : {false, true})
    for (const bool behind : {false, true}) {
      Bus bus({.thread = thread, .deadline = std::chrono::milliseconds(300)});
      const Name held = intern("held"), answered = intern("answered");
      const auto publish = [&](double mean) { bus.publish(Metric{.value = mean, .metric = held}); };
      const Handle holds =
          behind ? bus.on<BatchEnd>() | map(&BatchEnd::loss) | observe_on(io) | window(count(10)) | mean() |
                       subscribe(publish)
                 : bus.on<BatchEnd>() | map(&BatchEnd::loss) | window(count(10)) | mean() | subscribe(publish);
      const Handle answers = bus.on<Metric>() | subscribe([&](const Metric& m) {
                               if (m.metric == held) bus.publish(Metric{.value = 2 * m.value, .metric = answered});
                             });
      double heard = 0;
      const Handle listens = bus.on<Metric>() | subscribe([&](const Metric& m) {
                               if (m.metric == answered) heard = m.value;
                             });
      const Handle cycle = bus.on<EpochEnd>() | subscribe([&](const EpochEnd& e) { bus.publish(e); });
      bus.publish(BatchEnd{.loss = 3});
      bus.publish(EpochEnd{});
      bus.close();
      EXPECT_NE(cycle->error().find("its events don't end"), std::string::npos) << cycle->error();
      for (const Handle& innocent : {holds, answers, listens})
        EXPECT_EQ(innocent->life(), Subscription::Life::completed) << innocent->error();
      EXPECT_EQ(heard, 6);
    }
}

/// The cycle is there before, and what closes it comes at an end.
TEST(BusCycle, OneThatBeginsWithWhatAnotherHeldEndsAtCloseToo) {
  for (const bool thread : {false, true}) {
    Bus bus({.thread = thread, .deadline = std::chrono::milliseconds(300)});
    const Handle holds = bus.on<BatchEnd>() | map(&BatchEnd::loss) | window(count(10)) | mean() |
                         subscribe([&](double mean) { bus.publish(Metric{.value = mean}); });
    const Handle cycle = bus.on<Metric>() | subscribe([&](const Metric& m) { bus.publish(m); });
    bus.publish(BatchEnd{.loss = 3});
    bus.close();
    EXPECT_EQ(holds->error(), "");
    EXPECT_NE(cycle->error().find("its events don't end"), std::string::npos) << cycle->error();
  }
}

TEST(BusCycle, OneThatPublishesByAProducerOfItsOwnEndsAtCloseToo) {
  for (const bool thread : {false, true})
    for (const unsigned dispatchers : {1u, 2u}) {
      Bus bus({.thread = thread, .dispatchers = dispatchers, .deadline = std::chrono::milliseconds(300)});
      Producer own = bus.producer("own");
      const Handle other = bus.on<Metric>() | subscribe([](const Metric&) {});
      const Handle cycle =
          bus.on<Metric>() | subscribe([&](const Metric& m) { own.publish(Metric{.step = m.step + 1}); });
      const auto publish = [&](double mean) { bus.publish(ValidationEnd{.step = static_cast<Step>(mean)}); };
      const Handle holds = bus.on<BatchEnd>() | map(&BatchEnd::loss) | window(count(10)) | mean() | subscribe(publish);
      const Handle holds_behind =
          bus.on<BatchEnd>() | map(&BatchEnd::loss) | observe_on(io) | window(count(10)) | mean() | subscribe(publish);
      bus.publish(Metric{.step = 1});
      bus.publish(BatchEnd{.loss = 3});
      bus.close();
      EXPECT_EQ(holds->error(), "");
      EXPECT_EQ(holds_behind->error(), "");
      EXPECT_EQ(cycle->life(), Subscription::Life::completed);
      EXPECT_EQ(other->life(), Subscription::Life::completed);
    }
}

TEST(BusCycle, HandlersThatAreOnlySlowAreWaitedForAtClose) {
  constexpr int events = 400;
  for (const bool thread : {false, true}) {
    Bus bus({.thread = thread, .deadline = std::chrono::milliseconds(300)});
    std::atomic<int> heard{0};
    const auto work = [](int milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); };
    // each answers with an event of a type that only the next one hears, and takes longer than the one before
    const Handle quick =
        bus.on<BatchBegin>() | subscribe([&](const BatchBegin& e) { bus.publish(BatchEnd{.step = e.step}); });
    const Handle slow = bus.on<BatchEnd>() | observe_on(io) | subscribe([&](const BatchEnd& e) {
                          work(1);
                          bus.publish(Metric{.step = e.step});
                        });
    const Handle slower = bus.on<Metric>() | observe_on(io) | subscribe([&](const Metric& m) {
                            work(2);
                            bus.publish(EpochEnd{.step = m.step});
                          });
    const Handle slowest = bus.on<EpochEnd>() | observe_on(io) | subscribe([&](const EpochEnd& e) {
                             work(3);
                             bus.publish(ValidationBegin{.step = e.step});
                           });
    const Handle last = bus.on<ValidationBegin>() | subscribe([&](const ValidationBegin&) { ++heard; });
    for (Step step = 1; step <= events; ++step) bus.publish(BatchBegin{.step = step});
    bus.close();
    for (const Handle& one : {quick, slow, slower, slowest, last}) EXPECT_EQ(one->error(), "");
    EXPECT_EQ(heard, events);
  }
}

TEST(BusCycle, WhatOnlyMultipliesIsNone) {
  Bus bus({.ring_capacity = 64});
  std::atomic<std::uint64_t> seen{0};
  const Handle fan = bus.on<BatchEnd>() | subscribe([&](const BatchEnd& e) {
                       for (int i = 0; i < 40; ++i) bus.publish(Metric{.step = e.step});
                     });
  bus.on<Metric>() | subscribe([&](const Metric&) { seen.fetch_add(1, std::memory_order_relaxed); });
  Producer producer = bus.producer("test");
  for (Step step = 1; step <= 10'000; ++step) producer.publish(BatchEnd{.step = step});
  bus.close();
  EXPECT_FALSE(fan->failed()) << fan->error();
  EXPECT_EQ(seen, 400'000u);
}

}  // namespace
}  // namespace sidestep
