#include "operators/answered.hpp"
#include "operators/endings.hpp"
#include "operators/stream.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(Subscribe, SaysWhatItIs) {
  Bus bus({.thread = false});
  const Handle plain = bus.on<Number>() | subscribe([](const Number&) {});
  const Handle kept = bus.on<Number>() | subscribe(saved, [](const Number&) {});
  EXPECT_FALSE(plain->options().saved);
  EXPECT_TRUE(kept->options().saved);
  EXPECT_EQ(kept->options().stream, sidestep::Stream::trainer);
}

TEST(Subscribe, TellsItsFunctorOfTicksAndTheEnd) {
  ManualClock clock;
  Bus bus({.clock = &clock, .thread = false});
  std::string seen;
  struct Sink {
    std::string& seen;
    void operator()(const Number&) { seen += 'v'; }
    void tick(Nanoseconds now) { seen += "t" + std::to_string(now); }
    void end() { seen += '|'; }
  };
  bus.on<Number>() | subscribe(Sink{seen});
  bus.publish(Number{1});
  clock.set(5);
  while (bus.poll()) {
  }
  bus.close();
  EXPECT_EQ(seen.substr(0, 3), "vt5");
  EXPECT_EQ(seen.back(), '|');
  EXPECT_EQ(std::count(seen.begin(), seen.end(), '|'), 1);
}

struct Counter {
  std::int64_t count = 0;
  std::string last;
  void operator()(double x) { ++count, last = text_of(x); }
  void state(auto& archive) { archive(count, last); }
};

TEST(Subscribe, SavesTheStateOfItsFunctor) {
  Bus bus({.thread = false});
  const Handle a = bus.on<Number>() | map(&Number::value) | subscribe(saved, Counter{});
  const Handle b = bus.on<Number>() | map(&Number::value) | subscribe(saved, Counter{});
  const std::vector<Slot> slots{slot_of({1, 4.0}, 1), slot_of({1, 7.0}, 2)};
  a->pipeline().run(slots);
  States first, second;
  a->pipeline().mark({.kind = Mark::Kind::barrier, .cut = 1, .sink = &first});
  b->pipeline().mark({.kind = Mark::Kind::restore, .sink = &first});
  b->pipeline().mark({.kind = Mark::Kind::barrier, .cut = 2, .sink = &second});
  EXPECT_EQ(first.parts, second.parts);
  EXPECT_FALSE(b->failed()) << b->error();
}

TEST(Subscribe, AStateThatDoesNotFitFailsThePipelineInWords) {
  Driven driven([](auto in) { return std::move(in) | every(2); });
  States states;
  states.parts.push_back(std::vector<std::byte>(3));
  driven.load(states);
  EXPECT_TRUE(driven.handle()->failed());
  EXPECT_FALSE(driven.handle()->error().empty());

  Driven other([](auto in) { return std::move(in) | every(2); });
  states.parts[0] = std::vector<std::byte>(64);
  other.load(states);
  EXPECT_TRUE(other.handle()->failed());
}

TEST(Subscribe, CallsItsFunctorWithEachValueAndThenItsEndOnce) {
  EXPECT_EQ(marble("-1-2|", [](auto in) { return in; }), "1:1 3:2 4:|");
  EXPECT_EQ(marble("--|", [](auto in) { return in; }), "2:|");
}

TEST(Subscribe, AFunctorThatThrowsSeesNothingMoreAndNoEnd) {
  Bus bus({.thread = false});
  std::string seen;
  struct Sink {
    std::string& seen;
    void operator()(const Number& n) {
      seen += text_of(n.value);
      if (n.value == 2) throw std::runtime_error("two");
    }
    void end() { seen += '|'; }
  };
  int others = 0;
  const Handle handle = bus.on<Number>() | subscribe(Sink{seen});
  bus.on<Number>() | subscribe([&](const Number&) { ++others; });
  for (const double value : {1.0, 2.0, 3.0}) bus.publish(Number{value});
  bus.close();
  EXPECT_EQ(seen, "12");
  EXPECT_EQ(handle->error(), "two");
  EXPECT_EQ(others, 3);
}

TEST(Subscribe, AnEndThatThrowsFailsItToo) {
  Bus bus({.thread = false});
  struct Sink {
    void operator()(const Number&) {}
    void end() { throw std::runtime_error("at the end"); }
  };
  const Handle handle = bus.on<Number>() | subscribe(Sink{});
  bus.close();
  EXPECT_EQ(handle->error(), "at the end");
}

TEST(Subscribe, WhatIsUnsubscribedGetsNoEnd) {
  EXPECT_EQ(unsubscribed("12!3|", [](auto in) { return in; }), "1 2");
}

TEST(Subscribe, TheFunctorMayEndItsOwnPipeline) {
  Bus bus({.thread = false});
  std::vector<double> seen;
  Handle handle;
  handle = bus.on<Number>() | subscribe([&](const Number& n) {
             seen.push_back(n.value);
             if (n.value == 2) handle->end();
           });
  for (const double value : {1.0, 2.0, 3.0}) bus.publish(Number{value});
  bus.close();
  EXPECT_EQ(seen, (std::vector<double>{1, 2}));
  EXPECT_EQ(handle->life(), Subscription::Life::ended);
}

TEST(Subscribe, AHandlerMayPublishWhatItListensTo) {
  EXPECT_EQ(answered(3, [](auto in) { return in; }), "1 11 2 12 ");
}

TEST(Subscribe, AHandlerMaySubscribe) {
  Bus bus({.thread = false});
  std::vector<double> later;
  bus.on<Number>() | subscribe([&](const Number& n) {
    if (n.value == 1) bus.on<Number>() | subscribe([&](const Number& other) { later.push_back(other.value); });
  });
  bus.publish(Number{1});
  bus.flush();
  bus.publish(Number{2});
  bus.close();
  EXPECT_EQ(later, (std::vector<double>{2})) << "it sees what comes from then on";
}

}  // namespace
