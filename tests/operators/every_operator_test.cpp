#include "operators/every_operator.hpp"

#include <gtest/gtest.h>

/// What holds of every operator, wherever it stands.
namespace {
using namespace sidestep;
using namespace sidestep::test;

/// Says of each event and tick when the chains behind it see it.
struct recorded {
  Arrivals* into;
  template <class In>
  using out = In;
  void operator()(const OneOf<Number, OtherNumber, BothNumber>& event, auto&& out) {
    event.visit([&](const auto& e) {
      into->push_back({out.stamp(), e.id == Number::id ? 0 : e.id == OtherNumber::id ? 1 : 2, e.value});
    });
    out(event);
  }
  void tick(auto&& out) { into->push_back({out.stamp(), 0, std::nullopt}); }
};

/// A chain on a bus whose events, clock and idle moments are the test's.
struct Live {
  explicit Live(const NamedChain& chain) {
    watcher.value = [this](double value) {
      output.push_back(value);
      if (on_value) on_value(value);
    };
    watcher.end = [this] { ended = true; };
    bus.on<Number, OtherNumber, BothNumber>() | recorded{&seen} | subscribe([](const auto&) {});
    handle = chain.attach(bus, watcher);
    producer.emplace(bus.producer("test"));
  }
  void publish(int which, double value, Nanoseconds at) {
    if (which == 0)
      producer->publish_at(at, Number{value});
    else if (which == 1)
      producer->publish_at(at, OtherNumber{value});
    else
      producer->publish_at(at, BothNumber{value});
  }
  void play(const Arrival& one) {
    if (one.at > clock.now()) clock.set(one.at);
    if (one.value)
      publish(one.which, *one.value, one.at);
    else
      while (bus.poll()) {
      }
  }

  ManualClock clock;
  Bus bus{{.clock = &clock, .thread = false}};
  Watcher watcher;
  std::function<void(double)> on_value;
  std::vector<double> output;
  Arrivals seen;
  bool ended = false;
  Handle handle;
  std::optional<Producer> producer;
};

Arrivals numbers(std::mt19937_64& random) {
  Arrivals stream = random_stream<Arrival>(random);
  for (Arrival& one : stream)
    if (one.value && std::isnan(*one.value)) one.value = 4;
  return stream;
}
bool equal(const std::vector<double>& a, const std::vector<double>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}

// An event that a handler publishes while an operator emits comes behind all that was there, as if somebody else had
// published it: the same events in the same order, from outside, give the same.
TEST(EveryOperator, WhatAHandlerPublishesIsAnEventAsAnyOther) {
  for (const NamedChain& chain : every_operator()) {
    std::mt19937_64 random(43);
    int answered = 0;
    for (int round = 0; round < 40; ++round) {
      Live live(chain);
      int left = 12;
      live.on_value = [&](double) {
        if (--left < 0) return;
        ++answered;
        live.publish(left % 5 / 2, left % 7, live.clock.now());
      };
      for (const Arrival& one : numbers(random)) live.play(one);
      live.bus.close();

      Live again(chain);
      Sequence number = 0;
      for (const Arrival& one : live.seen) {
        if (one.value) {
          const Slot slot = slot_of(one, ++number);
          again.handle->pipeline().run(std::span(&slot, 1));
        } else {
          again.handle->pipeline().mark({.kind = Mark::Kind::tick, .number = number, .stamp = one.at});
        }
      }
      again.handle->pipeline().mark({.kind = Mark::Kind::end, .number = number, .stamp = live.clock.now()});
      ASSERT_TRUE(equal(live.output, again.output)) << chain.name << ", round " << round;
      ASSERT_EQ(live.ended, again.ended) << chain.name << ", round " << round;
      ASSERT_FALSE(live.handle->failed()) << chain.name << live.handle->error();
    }
    EXPECT_TRUE(answered > 0 || chain.name == "ignore_elements") << chain.name;
  }
}

TEST(EveryOperator, EndedByItsHandleAtAnyMomentEmitsNothingMore) {
  for (const NamedChain& chain : every_operator()) {
    std::mt19937_64 random(47);
    for (int round = 0; round < 4; ++round) {
      const Arrivals stream = numbers(random);
      for (std::size_t position = 0; position <= stream.size(); ++position) {
        Live live(chain);
        for (std::size_t i = 0; i < position; ++i) live.play(stream[i]);
        live.handle->end();
        const std::size_t before = live.output.size();
        for (std::size_t i = position; i < stream.size(); ++i) live.play(stream[i]);
        live.bus.close();
        ASSERT_EQ(live.output.size(), before) << chain.name << ", ended at " << position;
        ASSERT_TRUE(!live.ended || live.handle->life() == Subscription::Life::completed)
            << chain.name << ", ended at " << position;
        ASSERT_FALSE(live.handle->failed()) << chain.name;
      }
    }
  }
}

// Neither of another event, tick or end, nor what more the chain makes of the one at hand.
TEST(EveryOperator, EndedByItsOwnHandlerSeesNothingMore) {
  for (const NamedChain& chain : every_operator()) {
    std::mt19937_64 random(53);
    int ended = 0;
    for (int round = 0; round < 20; ++round) {
      Live live(chain);
      const std::size_t last = 1 + static_cast<std::size_t>(round) % 4;
      bool over = false;
      live.on_value = [&](double) {
        if (live.output.size() < last) return;
        live.handle->end();
        over = true;
      };
      for (const Arrival& one : numbers(random)) live.play(one);
      live.bus.close();
      ASSERT_LE(live.output.size(), last) << chain.name << ", round " << round;
      ASSERT_FALSE(over && live.ended) << chain.name << ", round " << round;
      ASSERT_FALSE(live.handle->failed()) << chain.name << live.handle->error();
      ended += over;
    }
    EXPECT_TRUE(ended > 0 || chain.name == "ignore_elements") << chain.name;
  }
}

TEST(EveryOperator, AHandlerThatThrowsFailsItsPipelineAloneAndSeesNothingMore) {
  for (const NamedChain& chain : every_operator()) {
    std::mt19937_64 random(59);
    int failed = 0;
    for (int round = 0; round < 20; ++round) {
      Live live(chain);
      const std::size_t last = 1 + static_cast<std::size_t>(round) % 4;
      live.on_value = [&](double) {
        if (live.output.size() == last) throw std::runtime_error("the handler throws");
      };
      const Arrivals stream = numbers(random);
      for (const Arrival& one : stream) live.play(one);
      live.bus.close();
      std::size_t values = 0, seen = 0;
      for (const Arrival& one : stream) values += one.value.has_value();
      for (const Arrival& one : live.seen) seen += one.value.has_value();
      ASSERT_EQ(seen, values) << chain.name << ": another pipeline sees all";
      ASSERT_LE(live.output.size(), last) << chain.name;
      if (live.output.size() < last) continue;
      ++failed;
      ASSERT_TRUE(live.handle->failed()) << chain.name;
      ASSERT_EQ(live.handle->error(), "the handler throws") << chain.name;
      ASSERT_FALSE(live.ended) << chain.name;
    }
    EXPECT_TRUE(failed > 0 || chain.name == "ignore_elements") << chain.name;
  }
}

}  // namespace
