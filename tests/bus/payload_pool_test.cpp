// The pool that payloads come from: what it gives back, what it refuses, and how it is waited for.
#include <sidestep/bus.hpp>
#include <sidestep/operators.hpp>

#include <bus/payload_support.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <utility>
#include <vector>

namespace sidestep {
namespace {

using namespace std::chrono_literals;
using namespace testing_support;

TEST(Payload, OutlivesItsPool) {
  Payload kept;
  PayloadRef late;
  {
    PayloadPool pool(four);
    kept = of_step(pool, 5);
    const Payload gone = of_step(pool, 6);
    late = gone;
  }
  EXPECT_TRUE(whole(kept, 5));
  EXPECT_FALSE(late.hold());
  const PayloadRef ref = kept;
  EXPECT_TRUE(ref.hold());
  kept = {};
  EXPECT_FALSE(ref.hold());
  EXPECT_EQ(ref.size(), numbers * sizeof(std::int64_t));
}

TEST(Payload, AReferenceThatComesTooLateHoldsNone) {
  PayloadPool pool({.bytes = 64, .largest = 64, .while_waiting = {}});
  Payload payload = pool.copy<int>(std::vector{1, 2, 3});
  const PayloadRef ref = payload;
  EXPECT_EQ(ref.hold().as<int>().size(), 3u);
  payload = {};
  EXPECT_FALSE(ref.hold());
  payload = pool.copy<int>(std::vector{4});  // in the same place
  EXPECT_FALSE(ref.hold());

  Bus bus({.thread = false});
  std::vector<std::size_t> sizes;
  bus.on<Image>() | subscribe([&](const Image& image) {
    EXPECT_FALSE(image.payload.hold());
    sizes.push_back(image.payload.size());
  });
  Producer producer = bus.producer("test");
  producer.publish(Image{.step = 1, .payload = ref});
  producer.publish(Image{.step = 2, .payload = {}});
  bus.flush();
  EXPECT_EQ(sizes, (std::vector<std::size_t>{12, 0}));
  EXPECT_EQ(pool.account().held, 1u);
}

TEST(Payload, ADraftThatIsDroppedWasNeverThere) {
  PayloadPool pool(four);
  { PayloadDraft draft = pool.take(8); }
  EXPECT_EQ(pool.account().held, 0u);
  EXPECT_THROW((void)pool.take(four.largest + 1), PayloadError);
  EXPECT_THROW((void)pool.try_take(four.largest + 1), PayloadError);
  EXPECT_THROW(PayloadPool({.bytes = 10, .largest = 11, .while_waiting = {}}), PayloadError);
  EXPECT_THROW(PayloadPool({.bytes = 10, .largest = 0, .while_waiting = {}}), PayloadError);
  EXPECT_EQ(pool.take(0).size(), 0u);
}

TEST(Payload, WhoTakesFromAPoolThatIsHeldWaitsAndTheWaitIsCounted) {
  Bus bus;
  std::latch go(1);
  std::atomic<int> asked{0};
  PayloadPool pool(four_and([&] {
    if (asked++ == 0) go.count_down();
  }));
  std::int64_t good = 0;
  bus.on<Image>() | observe_on(io) | subscribe([&](const Image& image) {
    go.wait();
    good += whole(image);
  });
  Producer producer = bus.producer("test");
  for (Step step = 1; step <= 5; ++step) publish(producer, pool, step);
  bus.flush();
  EXPECT_EQ(good, 5);
  EXPECT_GT(asked, 0);
  EXPECT_EQ(pool.account().waits, 1u);
  EXPECT_GT(pool.account().waited_ns, 0u);
  EXPECT_EQ(pool.account().refused, 0u);
}

TEST(Payload, OnABusWithoutAThreadWhoWaitsPolls) {
  Bus bus({.thread = false});
  PayloadPool pool(four_and([&] { bus.poll(); }));
  std::int64_t good = 0;
  bus.on<Image>() | subscribe([&](const Image& image) { good += whole(image); });
  Producer producer = bus.producer("test");
  for (Step step = 1; step <= 100; ++step) publish(producer, pool, step);
  bus.flush();
  EXPECT_EQ(good, 100);
}

TEST(Payload, WhoWaitsInVainIsTold) {
  PayloadPoolOptions options = four;
  options.deadline = 20ms;
  PayloadPool pool(options);
  std::vector<Payload> kept;
  for (Step step = 1; step <= 4; ++step) kept.push_back(of_step(pool, step));
  EXPECT_FALSE(pool.try_take(8));
  EXPECT_THROW((void)pool.take(8), PayloadError);
  EXPECT_EQ(pool.account().refused, 2u);
  kept.pop_back();
  EXPECT_TRUE(pool.try_take(8));
}

TEST(Payload, AHandlerDoesNotWaitForWhatOnlyItCanGiveBack) {
  Bus bus;
  PayloadPool pool(four);
  bool had = true;
  const Handle waits = bus.on<Image>() | subscribe([&](const Image&) { (void)pool.take(8); });
  const Handle tries = bus.on<Image>() | subscribe([&](const Image& image) {
                         if (image.step == 4) had = pool.try_take(8).has_value();
                       });
  std::vector<Payload> all;
  for (Step step = 1; step <= 4; ++step) all.push_back(of_step(pool, step));
  Producer producer = bus.producer("test");
  producer.publish(Image{.step = 4, .payload = all.back()});
  bus.flush();
  EXPECT_TRUE(waits->failed());
  EXPECT_NE(waits->error().find("try_take"), std::string::npos) << waits->error();
  EXPECT_FALSE(had);
  all.clear();
  EXPECT_EQ(pool.account().held, 0u);
}

}  // namespace
}  // namespace sidestep
