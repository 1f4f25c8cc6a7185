#include "operators/two_inputs.hpp"
#include "operators/usual_cases.hpp"

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

/// The metrics that a chain of Numbers publishes, as name=value@stamp; at its end, step too where there is one; "#" if
/// it failed.
template <class Build>
std::string published(std::string_view marbles, Build build) {
  ManualClock clock;
  Bus bus({.clock = &clock, .thread = false});
  std::string text;
  bus.on<Metric>() | subscribe([&](const Metric& m) {
    text +=
        std::string(m.metric.text()) + "=" + text_of(m.value) + (m.step != 0 ? "/" + std::to_string(m.step) : "") + " ";
  });
  const Handle handle = build(bus.on<Number>() | map(&Number::value), bus);
  Producer producer = bus.producer("test");
  for (const char c : marbles) {
    if (c != '-') producer.publish(Number{static_cast<double>(c - '0')});
    while (bus.poll()) {
    }
    clock.advance(1);
  }
  bus.close();
  return text + (handle->failed() ? "#" : "");
}
constexpr auto as_x = [](auto in, Bus& bus) { return std::move(in) | to_metric(bus, "x"); };

TEST(ToMetric, PublishesEachValueUnderItsName) {
  EXPECT_EQ(published("1-2", as_x), "x=1 x=2 ");
  EXPECT_EQ(published("", as_x), "");
  EXPECT_EQ(published("1", as_x), "x=1 ");
}

TEST(ToMetric, APairIsAStepAndAValue) {
  EXPECT_EQ(published("12",
                      [](auto in, Bus& bus) {
                        return std::move(in) | map([](double x) { return std::pair<Step, double>(7, x); }) |
                               to_metric(bus, "x");
                      }),
            "x=1/7 x=2/7 ");
}

TEST(ToMetric, WhatCompletingEmitsIsPublishedToo) {
  EXPECT_EQ(published("123",
                      [](auto in, Bus& bus) {
                        return std::move(in) | take(3) | window(count(2)) | sum() | to_metric(bus, "x");
                      }),
            "x=3 x=3 ");
  Bus bus({.thread = false});
  Values seen;
  bus.on<Number>() | map(&Number::value) | window(count(2)) | sum() | to_metric(bus, "x");
  bus.on<Metric>() | map(&Metric::value) | collect(seen, 4);
  bus.publish(Number{5});
  bus.close();
  EXPECT_EQ(seen, (Values{5})) << "when the bus closes, those that were added behind it see it";
}

TEST(ToMetric, AnErrorBeforeItEndsIt) {
  EXPECT_EQ(published("123", [](auto in, Bus& bus) { return std::move(in) | map(ThrowsAt{2}) | to_metric(bus, "x"); }),
            "x=1 #");
}

TEST(ToMetric, ATakeBeforeItEndsIt) {
  EXPECT_EQ(published("123", [](auto in, Bus& bus) { return std::move(in) | take(2) | to_metric(bus, "x"); }),
            "x=1 x=2 ");
}

TEST(ToMetric, BehindObserveOn) {
  EXPECT_EQ(published("1-2", [](auto in, Bus& bus) { return std::move(in) | observe_on(io) | to_metric(bus, "x"); }),
            "x=1 x=2 ");
}

TEST(ToMetric, HasTheStampOfTheValueAndAProducerOfItsName) {
  ManualClock clock(5);
  Bus bus({.clock = &clock, .thread = false});
  std::string seen;
  bus.on<Number>() | map(&Number::value) | to_metric(bus, "x");
  bus.on<Number>() | map([](const Number& n) { return std::pair<Step, double>(2, n.value); }) | to_metric(bus, "step");
  bus.on<Metric>().from("step") | timestamp() |
      subscribe([&](const auto& m) { seen += "step " + std::to_string(m.stamp) + " "; });
  bus.on<Metric>().from("x") | timestamp() | subscribe([&](const auto& m) { seen += std::to_string(m.stamp) + " "; });
  bus.publish(Number{1});
  clock.set(9);
  bus.close();
  EXPECT_EQ(seen, "5 step 5 ");
}

TEST(ToMetric, OfAMetricMakesAnother) {
  EXPECT_EQ(published("12",
                      [](auto in, Bus& bus) {
                        bus.on<Metric>() | filter(named("x")) | map([](const Metric& m) { return 10 * m.value; }) |
                            to_metric(bus, "y");
                        return std::move(in) | to_metric(bus, "x");
                      }),
            "x=1 y=10 x=2 y=20 ");
}

TEST(ToMetric, OneThatIsMadeOfItselfFailsInWords) {
  ManualClock clock;
  Bus bus({.clock = &clock, .thread = false});
  std::uint64_t count = 0;
  const Handle other = bus.on<Metric>() | subscribe([&](const Metric&) { ++count; });
  const Handle handle = bus.on<Metric>() | map(&Metric::value) | to_metric(bus, "x");
  bus.publish(Metric{.value = 1});
  for (int i = 0; i < 1'000'000 && bus.poll(); ++i) clock.advance(1);
  bus.close();
  ASSERT_TRUE(handle->failed());
  EXPECT_NE(handle->error().find("'x'"), std::string::npos) << handle->error();
  EXPECT_LE(count, 65'540u);
  EXPECT_FALSE(other->failed()) << "it alone";
}

TEST(ToMetric, SoManyValuesOfOneMomentAreStillNoCircle) {
  for (const Nanoseconds moment : {0, 5}) {
    Bus bus({.thread = false});
    const Handle handle = bus.on<Number>() | map(&Number::value) | to_metric(bus, "x");
    Producer producer = bus.producer("test");
    const auto publish = [&](int n, Nanoseconds at) {
      for (int i = 0; i < n; ++i) {
        producer.publish_at(at, Number{1});
        while (bus.poll()) {
        }
      }
    };
    publish(65'536, moment);
    publish(65'536, moment + 1);
    EXPECT_FALSE(handle->failed()) << "of moment " << moment;
    publish(1, moment + 1);
    EXPECT_TRUE(handle->failed()) << "one more";
  }
}

TEST(ToMetric, ACircleOfTwoFailsToo) {
  Bus bus({.thread = false});
  const Handle x = bus.on<Metric>() | filter(named("y")) | map(&Metric::value) | to_metric(bus, "x");
  const Handle y = bus.on<Metric>() | filter(named("x")) | map(&Metric::value) | to_metric(bus, "y");
  bus.publish(Metric{.value = 1, .metric = intern("x")});
  bus.close();
  EXPECT_TRUE(x->failed() || y->failed());
}

TEST(ToMetric, OneThatMakesTwoOfEachFailsByItsBacklog) {
  Bus bus({.thread = false});
  const Handle handle = bus.on<Metric>() | map(&Metric::value) |
                        share([&](auto in) { return std::move(in) | to_metric(bus, "x"); },
                              [&](auto in) { return std::move(in) | to_metric(bus, "x"); });
  bus.publish(Metric{.value = 1});
  bus.close();
  EXPECT_TRUE(handle->failed());
}

TEST(ToMetric, DescribesItself) {
  Bus bus({.thread = false});
  const Handle handle = bus.on<Number>() | map(&Number::value) | to_metric(bus, "loss/smooth");
  EXPECT_EQ(handle->pipeline().describe()[3], "to_metric(loss/smooth)");
}

TEST(ToMetric, IsWhatAReferenceMakesOfRandomStreams) {
  expect_of_random_streams([](const Moments& stream, std::size_t) {
    Bus bus({.ring_capacity = 64, .thread = false});
    Moments seen;
    bus.on<Metric>() | timestamp() | subscribe([&](const Timestamped<Metric>& m) {
      seen.push_back({m.stamp, m.value.value});
    });
    const Handle handle = bus.on<Number>() | map(&Number::value) | to_metric(bus, "x");
    feed(handle->pipeline(), stream);
    bus.flush();
    std::size_t i = 0;
    for (const Moment& one : stream) {
      if (!one.value) continue;
      if (i == seen.size() || seen[i].at != one.at || !near({*seen[i].value}, {*one.value})) return false;
      ++i;
    }
    return i == seen.size();
  });
}

TEST(ToMetric, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  const auto chain = [](auto before) {
    return [before](Bus& bus, Watched& watched) {
      const auto published = std::make_shared<std::vector<std::string>>();
      watched.when_over = [&watched, published] {
        EXPECT_EQ(*published, watched.values) << "what came to it, and nothing else";
      };
      const Handle handle = before(drawn_source<Number>(bus)) | watched_by{&watched} | to_metric(bus, "x");
      bus.on<Metric>() | subscribe([published](const Metric& metric) { published->push_back(text_of(metric.value)); });
      return handle;
    };
  };
  expect_usual_cases_of(chain([](auto in) { return in; }));
  expect_usual_cases_of(chain([](auto in) { return std::move(in) | window(count(3)) | sum(); }));
}

}  // namespace
