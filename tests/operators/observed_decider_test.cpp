#include "operators/stream.hpp"

#include <gtest/gtest.h>

#include <atomic>

namespace {
using namespace sidestep;
using namespace sidestep::test;

/// A stage that decides, as control's does.
struct Deciding {
  using is_end = void;
  static constexpr bool decides = true, saved = true;
  Decider* decider;
  template <class In>
  using out = void;
  void operator()(double, auto&&) { ++decider->made; }
  void bind(Subscription& subscription, unsigned part) { subscription.decides_with(*decider, part); }
  void state(auto&) {}
};

TEST(ObservedDecider, ItsWordFollowsTheStream) {
  Word word;
  Decider decider{.word = &word};
  decider.eager.store(true);
  Bus bus;
  const Handle handle = bus.on<Number>() | map(&Number::value) | filter([](double x) { return x == 3; }) |
                        observe_on(io) | Deciding{.decider = &decider};
  EXPECT_TRUE(handle->options().decides);
  EXPECT_EQ(handle->decider_part(), 1u);
  Producer producer = bus.producer("trainer", sidestep::Stream::trainer);
  for (int i = 1; i <= 5; ++i) producer.publish(Number{static_cast<double>(i)});
  bus.flush();
  const Watermark seen = word.load();
  EXPECT_EQ(seen.number(), 5u) << "progress, although what came last was filtered out";
  EXPECT_EQ(seen.count(), 1u);
  EXPECT_FALSE(seen.ended());
  bus.close();
  EXPECT_TRUE(word.load().ended());
}

// In relaxed mode a word without a request isn't stored, but a checkpoint's list of requests is sealed when all words
// have passed it.
TEST(ObservedDecider, StoresItsWordAtABarrierInEveryMode) {
  Word word;
  Decider decider{.word = &word};
  States states;
  Bus bus;
  bus.cut_sink(&states);
  bus.on<Number>() | map(&Number::value) | filter([](double) { return false; }) | observe_on(io) |
      Deciding{.decider = &decider};
  Producer producer = bus.producer("trainer", sidestep::Stream::trainer);
  for (int i = 1; i <= 3; ++i) producer.publish(Number{static_cast<double>(i)});
  bus.flush();
  EXPECT_EQ(word.load().word, 0u);
  producer.publish(Barrier{.step = 1, .cut = 1});
  bus.flush();
  EXPECT_EQ(word.load().number(), 4u);
  EXPECT_EQ(states.parts.size(), 2u);
}

TEST(ObservedDecider, ThatEndsOrThrowsIsWaitedForNoMore) {
  Word word, other;
  Decider decider{.word = &word}, thrower{.word = &other};
  Bus bus;
  bus.on<Number>() | map(&Number::value) | observe_on(io) | take(2) | Deciding{.decider = &decider};
  bus.on<Number>() | map([](const Number& n) -> double {
    if (n.value == 3) throw std::runtime_error("three");
    return n.value;
  }) | observe_on(io) |
      Deciding{.decider = &thrower};
  Producer producer = bus.producer("trainer", sidestep::Stream::trainer);
  for (int i = 1; i <= 5; ++i) producer.publish(Number{static_cast<double>(i)});
  bus.flush();
  EXPECT_TRUE(word.load().ended());
  EXPECT_EQ(word.load().count(), 2u);
  EXPECT_TRUE(other.load().ended());
  EXPECT_EQ(other.load().count(), 2u) << "requests from before the throw stand";
}

TEST(ObservedDecider, ThatTheTrainerFailedIsHandedNothingMore) {
  Word word;
  Decider decider{.word = &word};
  Bus bus;
  const Handle handle = bus.on<Number>() | map(&Number::value) | observe_on(io) | Deciding{.decider = &decider};
  Producer producer = bus.producer("trainer", sidestep::Stream::trainer);
  producer.publish(Number{1});
  bus.flush();
  decider.failed.store(true, std::memory_order_release);
  handle->fail("silent for too long", 1);
  for (int i = 0; i < 5; ++i) producer.publish(Number{1});
  bus.flush();
  EXPECT_EQ(handle->queues()[0]->handed.get(), 1u);
  EXPECT_EQ(decider.made, 1u);
}

}  // namespace
