// What doesn't fit in an event: it is there as long as anybody may look at it, and no longer.
#include <sidestep/bus.hpp>
#include <sidestep/bus/shared_bus.hpp>
#include <sidestep/bus/watcher.hpp>
#include <sidestep/operators.hpp>

#include <bus/log_support.hpp>
#include <bus/payload_support.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <latch>
#include <optional>
#include <random>
#include <thread>
#include <variant>
#include <vector>

namespace sidestep {
namespace {

using namespace std::chrono_literals;
using namespace testing_support;

static_assert(Event<Image> && CarriesPayload<Image> && !SelfContained<Image>);
static_assert(!std::is_constructible_v<PayloadRef, Payload>, "it would be gone when the event is published");
template <class T>
concept NoneIsSaved =
    !Archivable<T> && !Archivable<std::vector<T>> && !Archivable<std::pair<int, T>> && !Archivable<std::array<T, 2>> &&
    !Archivable<std::optional<T>> && !Archivable<std::variant<int, T>> && !Archivable<std::optional<std::array<T, 2>>>;
static_assert(NoneIsSaved<PayloadRef> && NoneIsSaved<Image>);
static_assert(Archivable<std::array<int, 2>> && Archivable<std::optional<BatchEnd>> &&
              Archivable<std::variant<int, double>>);
static_assert(sizeof(PayloadRef) == 16 && std::is_trivially_copyable_v<PayloadRef>);

TEST(Payload, ComesAsItWasWrittenAndGoesBackWhenItWasHandled) {
  Bus bus({.ring_capacity = 64});
  PayloadPool pool(four_and([&] { bus.wake(); }));
  std::int64_t good = 0;
  bus.on<Image>() | subscribe([&](const Image& image) { good += whole(image); });
  Producer producer = bus.producer("test");
  for (Step step = 1; step <= 1000; ++step) publish(producer, pool, step);
  bus.flush();
  EXPECT_EQ(good, 1000);
  EXPECT_EQ(pool.account().held, 0u);
  EXPECT_EQ(pool.account().taken, 1000u);
  EXPECT_EQ(pool.account().payloads, 4u);
}

TEST(Payload, StaysWithAHandlerThatHoldsIt) {
  Bus bus({.thread = false});
  PayloadPool pool(four);
  std::vector<Payload> kept;
  bus.on<Image>() | every(2) | subscribe([&](const Image& image) { kept.push_back(image.payload.hold()); });
  Producer producer = bus.producer("test");
  for (Step step = 1; step <= 4; ++step) publish(producer, pool, step);
  bus.flush();
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(pool.account().held, 2u);
  EXPECT_TRUE(whole(kept[0], 2) && whole(kept[1], 4));
  const Payload copy = kept[0];
  kept.clear();
  EXPECT_EQ(pool.account().held, 1u);
  EXPECT_TRUE(whole(copy, 2));
}

TEST(Payload, EveryWayOfPublishingCarriesIt) {
  Bus bus({.ring_capacity = 2, .thread = false});
  PayloadPool pool(four);
  std::vector<Step> good;
  bus.on<Image>() | subscribe([&](const Image& image) {
    if (whole(image)) good.push_back(image.step);
  });
  Producer producer = bus.producer("test");
  const Payload one = of_step(pool, 1), two = of_step(pool, 2), three = of_step(pool, 3);
  EXPECT_TRUE(producer.try_publish(Image{.step = 1, .payload = one}));
  {
    auto reserved = producer.reserve<Image>();
    reserved->step = 2;
    reserved->payload = two;
    reserved.commit();
  }
  EXPECT_FALSE(producer.try_publish(Image{.step = 9, .payload = one}));
  bus.flush();
  const Image both[] = {{.step = 3, .payload = three}, {.step = 1, .payload = one}};
  producer.publish_n(std::span<const Image>(both));
  bus.flush();
  bus.publish(Image{.step = 2, .payload = two});
  {
    auto never = producer.reserve<Image>();
    never->payload = two;
  }
  bus.flush();
  EXPECT_EQ(good, (std::vector<Step>{1, 2, 3, 1, 2}));
  EXPECT_EQ(pool.account().held, 3u);  // this test's own
}

TEST(Payload, BehindObserveOnItIsThereUntilItsHandlerHasRun) {
  Bus bus;
  PayloadPool pool(four);
  std::latch go(1);
  std::int64_t good = 0, seen_inline = 0;
  bus.on<Image>() | observe_on(io) | subscribe([&](const Image& image) {
    go.wait();
    good += whole(image);
  });
  bus.on<Image>() | subscribe([&](const Image&) { ++seen_inline; });
  Producer producer = bus.producer("test");
  for (Step step = 1; step <= 3; ++step) publish(producer, pool, step);
  while (!producer.ring().caught_up()) std::this_thread::yield();
  EXPECT_EQ(seen_inline, 3);
  EXPECT_EQ(pool.account().held, 3u);
  go.count_down();
  bus.flush();
  EXPECT_EQ(good, 3);
  EXPECT_EQ(pool.account().held, 0u);
}

TEST(Payload, BehindAMapAndAmongOthersItIsKeptToo) {
  Bus bus;
  PayloadPool pool(four);
  std::atomic<int> refs{0}, payloads{0}, among{0}, paired{0};
  struct Pair {
    PayloadRef payload;
    Step step = 0;
  };
  bus.on<Image>() | map(&Image::payload) | observe_on(io) |
      subscribe([&](const PayloadRef& ref) { refs += ref.hold().as<std::int64_t>()[0] == 1000; });
  bus.on<Image>() | map([](const Image& image) { return image.payload.hold(); }) | observe_on(io) |
      subscribe([&](const Payload& payload) { payloads += whole(payload, 1); });
  bus.on<Image>() | map([](const Image& image) {
    return Pair{image.payload, image.step};
  }) | observe_on(io) |
      subscribe([&](const Pair& pair) { paired += whole(pair.payload.hold(), pair.step); });
  bus.on<BatchEnd, Image>() | observe_on(io) | subscribe([&](const OneOf<BatchEnd, Image>& one) {
    if (const Image* const image = one.get_if<Image>()) among += whole(*image);
  });
  Producer producer = bus.producer("test");
  producer.publish(BatchEnd{});
  publish(producer, pool, 1);
  bus.flush();
  EXPECT_EQ(refs, 1);
  EXPECT_EQ(payloads, 1);
  EXPECT_EQ(paired, 1);
  EXPECT_EQ(among, 1);
  EXPECT_EQ(pool.account().held, 0u);
}

TEST(Payload, AStageThatKeepsAnEventKeepsIt) {
  ManualClock clock;
  Bus bus({.clock = &clock, .thread = false});
  PayloadPool pool(four);
  std::vector<Step> good;
  bus.on<Image>() | debounce(10ms) | subscribe([&](const Image& image) {
    if (whole(image)) good.push_back(image.step);
  });
  Producer producer = bus.producer("test");
  publish(producer, pool, 1);
  publish(producer, pool, 2);
  bus.flush();
  EXPECT_EQ(pool.account().held, 1u);
  clock.advance(20'000'000);
  bus.poll();
  EXPECT_EQ(good, std::vector<Step>{2});
  EXPECT_EQ(pool.account().held, 0u);
}

TEST(Payload, WhatAPolicyDropsGoesBack) {
  for (const Overload how : {drop_oldest(2), latest(), keep_every(3, 1)}) {
    Bus bus({.dispatchers = 2});
    PayloadPool pool({.bytes = 64 * 1000, .largest = 1000, .while_waiting = {}});
    std::latch go(1);
    std::int64_t good = 0;
    const Handle slow = bus.on<Image>().overload(how) | observe_on(io) | subscribe([&](const Image& image) {
                          go.wait();
                          good += whole(image);
                        });
    bus.on<Image>().overload(how) | subscribe([](const Image&) {});
    Producer producer = bus.producer("test");
    for (Step step = 1; step <= 64; ++step) publish(producer, pool, step);
    while (!producer.ring().caught_up()) std::this_thread::yield();
    EXPECT_LT(pool.account().held, 64u);
    go.count_down();
    bus.flush();
    EXPECT_EQ(good, static_cast<std::int64_t>(slow->queues()[0]->finished.load()));
    EXPECT_EQ(slow->published(), 64u);
    EXPECT_EQ(pool.account().held, 0u);
  }
}

TEST(Payload, APipelineThatFailsKeepsNone) {
  for (const bool newest : {false, true}) {
    Bus bus;
    PayloadPool pool(four);
    std::latch go(1);
    const Handle failing = bus.on<Image>().overload(newest ? drop_oldest(100) : lossless()) | observe_on(io) |
                           subscribe([&](const Image&) {
                             go.wait();
                             throw std::runtime_error("can't draw");
                           });
    Producer producer = bus.producer("test");
    for (Step step = 1; step <= 4; ++step) publish(producer, pool, step);
    while (!producer.ring().caught_up()) std::this_thread::yield();
    EXPECT_EQ(pool.account().held, 4u);
    go.count_down();
    for (Step step = 5; step <= 20; ++step) publish(producer, pool, step);  // waits for what the failed one had
    bus.flush();
    EXPECT_TRUE(failing->failed());
    while (pool.account().held > 0) std::this_thread::yield();  // its strand may still be leaving
  }
}

TEST(Payload, APipelineWhoseLastPartFailsKeepsNoneInTheQueuesBefore) {
  struct ByHand final : Executor {
    std::vector<std::shared_ptr<Work>> posted;
    void post(std::shared_ptr<Work> work) override { posted.push_back(std::move(work)); }
    void run() {
      for (const auto& work : std::exchange(posted, {})) work->run();
    }
  };
  ByHand first, last;
  Bus bus({.thread = false});
  PayloadPool pool(four);
  const Handle failing = bus.on<Image>() | observe_on(first) | observe_on(last) |
                         subscribe([](const Image&) { throw std::runtime_error("can't draw"); });
  Producer producer = bus.producer("test");
  const auto poll = [&] {
    while (bus.poll()) {
    }
  };
  publish(producer, pool, 1);
  poll();
  first.run();  // step 1 waits for the last part
  publish(producer, pool, 2);
  poll();  // step 2 for the one before
  EXPECT_EQ(pool.account().held, 2u);
  last.run();
  EXPECT_TRUE(failing->failed());
  poll();
  EXPECT_EQ(pool.account().held, 0u) << "although the part before hasn't run again";
  first.run();
  bus.close();
}

TEST(Payload, SpilledEventsKeepTheirs) {
  Bus bus({.ring_capacity = 4, .thread = false});
  PayloadPool pool({.bytes = 64 * 1000, .largest = 1000, .while_waiting = {}});
  std::vector<Step> good;
  bus.on<BatchEnd>() | subscribe([&](const BatchEnd& end) {
    for (Step step = 1; step <= 20; ++step) {
      const Payload payload = of_step(pool, end.step * 100 + step);
      bus.publish(Image{.step = end.step * 100 + step, .payload = payload});
    }
  });
  bus.on<Image>() | subscribe([&](const Image& image) {
    if (whole(image)) good.push_back(image.step);
  });
  Producer producer = bus.producer("test");
  producer.publish(BatchEnd{.step = 1});
  producer.publish(BatchEnd{.step = 2});
  bus.flush();
  ASSERT_EQ(good.size(), 40u);
  EXPECT_TRUE(std::is_sorted(good.begin(), good.end()));
  EXPECT_EQ(pool.account().held, 0u);
}

TEST(Payload, WithSeveralDispatchersTheLastOneGivesItBack) {
  Bus bus({.dispatchers = 3});
  PayloadPool pool(four);
  std::latch go(1);
  std::atomic<int> good{0};
  for (int i = 0; i < 3; ++i)
    bus.on<Image>().on_dispatcher(i) | subscribe([&, i](const Image& image) {
      if (i == 1) go.wait();
      good += whole(image);
    });
  Producer producer = bus.producer("test");
  publish(producer, pool, 1);
  while (good < 2) std::this_thread::yield();
  while (producer.ring().cursor(0) == 1 || producer.ring().cursor(2) == 1) std::this_thread::yield();
  EXPECT_EQ(pool.account().held, 1u);
  go.count_down();
  bus.flush();
  EXPECT_EQ(good, 3);
  EXPECT_EQ(pool.account().held, 0u);
}

TEST(Payload, AfterCloseNothingIsKept) {
  PayloadPool pool(four);
  Bus bus({.ring_capacity = 4});
  Producer producer = bus.producer("test");
  publish(producer, pool, 1);
  bus.close();
  EXPECT_EQ(pool.account().held, 0u);
  for (Step step = 2; step <= 20; ++step) publish(producer, pool, step);
  {
    const Payload payload = of_step(pool, 21);
    EXPECT_TRUE(producer.try_publish(Image{.step = 21, .payload = payload}));
    auto reserved = producer.reserve<Image>();
    reserved->payload = payload;
    reserved.commit();
  }
  EXPECT_EQ(pool.account().held, 0u);
  EXPECT_EQ(producer.ring().swallowed.get(), 21u);
  EXPECT_EQ(bus.account().after_close, 21u);
}

TEST(Payload, WhatNobodyWillReadGoesBackWithItsRing) {
  PayloadPool pool(four);
  {
    Bus bus({.ring_capacity = 4, .thread = false, .dispatchers = 2});
    Producer producer = bus.producer("test");
    for (Step step = 1; step <= 3; ++step) publish(producer, pool, step);
    bus.abandon_dispatcher();
    EXPECT_EQ(pool.account().held, 3u);
    publish(producer, pool, 4);
    EXPECT_EQ(pool.account().held, 3u);
  }
  EXPECT_EQ(pool.account().held, 0u);
}

TEST(Payload, ALogSaysHowLargeItWasAndAReplayHasNone) {
  const test::ScratchFolder folder;
  PayloadPool pool(four);
  const Payload kept = of_step(pool, 7);
  {
    Bus bus;
    bus.record(folder / "a.log");
    Producer producer = bus.producer("test");
    producer.publish(Image{.step = 7, .payload = kept});
  }
  LogReader log(folder / "a.log");
  int images = 0;
  log.for_each([&](const LoggedEvent& event) {
    if (event.type != Image::id) return;
    ++images;
    const auto fields = seen(log.catalog(), event).fields;
    EXPECT_EQ(std::get<std::uint64_t>(fields.at("bytes")), numbers * sizeof(std::int64_t));
    EXPECT_EQ(std::get<std::int64_t>(fields.at("step")), 7);
  });
  EXPECT_EQ(images, 1);

  Bus again({.thread = false});
  again.on<Image>() | subscribe([&](const Image& image) {
    --images;
    EXPECT_FALSE(image.payload.hold());  // although it is still there: a log refers to nothing
    EXPECT_EQ(image.payload.size(), numbers * sizeof(std::int64_t));
  });
  EXPECT_EQ(replay(folder / "a.log", again).events, 1u);
  again.flush();
  EXPECT_EQ(images, 0);
  EXPECT_EQ(pool.account().held, 1u);
  EXPECT_TRUE(whole(kept, 7));
}

TEST(Payload, AWatcherSeesHowLargeItIs) {
  const test::ScratchFolder place;
  PayloadPool pool(four);
  Bus bus({.shared = std::make_shared<SharedBus>(place.path())});
  Watcher watcher(place.path());
  Producer producer = bus.producer("test");
  publish(producer, pool, 7);
  bus.flush();
  EXPECT_EQ(pool.account().held, 0u);
  int images = 0;
  watcher.poll([&](const LoggedEvent& event) {
    if (event.type != Image::id) return;
    ++images;
    EXPECT_EQ(std::get<std::uint64_t>(seen(watcher.catalog(), event).fields.at("bytes")),
              numbers * sizeof(std::int64_t));
  });
  EXPECT_EQ(images, 1);
}

/// Producers, dispatchers, executors and those who keep some, all at once: no payload is written while anybody may read
/// it.
TEST(Payload, UnderLoadEachIsWholeAndAllComeBack) {
  constexpr Step steps = 3000;
  Bus bus({.ring_capacity = 64, .dispatchers = 2});
  PayloadPool pool({.bytes = 24 * 1000, .largest = 1000, .while_waiting = [&] { bus.wake(); }});
  std::atomic<std::int64_t> good{0}, bad{0};
  const auto look = [&](const Image& image) { (whole(image) ? good : bad).fetch_add(1, std::memory_order_relaxed); };
  const Handle lossless[] = {bus.on<Image>() | subscribe(look), bus.on<Image>() | subscribe(look),
                             bus.on<Image>() | observe_on(io, {.capacity = 8}) | subscribe(look),
                             bus.on<Image>() | observe_on(compute, {.capacity = 4}) |
                                 map([](const Image& image) { return image; }) | observe_on(io, {.capacity = 4}) |
                                 subscribe(look)};
  const Handle lossy[] = {bus.on<Image>().overload(latest()) | observe_on(io) | subscribe(look),
                          bus.on<Image>().overload(drop_oldest(3)) | observe_on(compute) | subscribe(look)};
  bus.on<Image>() | every(10) | subscribe([&, kept = std::vector<Payload>()](const Image& image) mutable {
    kept.push_back(image.payload.hold());
    if (kept.size() == 5) kept.clear();
  });
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&, i] {
      Producer producer = bus.producer("test");
      for (Step step = 1; step <= steps; ++step) publish(producer, pool, step * 2 + i);
    });
  for (std::thread& thread : threads) thread.join();
  bus.flush();
  std::uint64_t looked = 0;
  for (const Handle& handle : lossless) {
    EXPECT_EQ(handle->delivered(), 2u * steps);
    looked += 2u * steps;
  }
  for (const Handle& handle : lossy) looked += handle->queues()[0]->finished.load();
  EXPECT_EQ(bad, 0);
  EXPECT_EQ(good, static_cast<std::int64_t>(looked));
  bus.close();
  EXPECT_LE(pool.account().held, 4u);  // what the one above keeps
}

}  // namespace
}  // namespace sidestep
