#include "operators/two_inputs.hpp"
#include "operators/usual_cases.hpp"

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

/// How many values passed a probe that `build` puts somewhere.
template <class Build>
std::uint64_t passed(std::string_view words, Build build) {
  const Probe here("here");
  (void)script(words, [&](auto in) { return build(std::move(in), here); });
  return here.values();
}
constexpr auto alone = [](auto in, const Probe& here) { return std::move(in) | probe(here); };

TEST(Probe, CountsWhatPasses) {
  EXPECT_EQ(passed("a1 a2 a3 |", alone), 3u);
  EXPECT_EQ(passed("a1 |", alone), 1u);
  EXPECT_EQ(passed("|", alone), 0u);
}

TEST(Probe, LetsValuesPass) {
  EXPECT_EQ(script("a1 a2 |", [](auto in) { return std::move(in) | probe(Probe("here")); }), "1 2 |");
}

TEST(Probe, CountsAtItsPlace) {
  EXPECT_EQ(passed("a1 a2 a3 a4 |", [](auto in, const Probe& here) { return std::move(in) | every(2) | probe(here); }),
            2u);
  EXPECT_EQ(passed("a1 a2 a3 |", [](auto in, const Probe& here) { return std::move(in) | probe(here) | take(2); }), 2u);
  EXPECT_EQ(passed("a1 a2 a3 |",
                   [](auto in, const Probe& here) { return std::move(in) | window(count(2)) | sum() | probe(here); }),
            2u)
      << "the last at the end";
}

TEST(Probe, CountsWhatFailsBehindItAndNotBeforeIt) {
  EXPECT_EQ(
      passed("a1 a2 |", [](auto in, const Probe& here) { return std::move(in) | probe(here) | map(ThrowsAt{2}); }), 2u);
  EXPECT_EQ(
      passed("a1 a2 |", [](auto in, const Probe& here) { return std::move(in) | map(ThrowsAt{2}) | probe(here); }), 1u);
}

TEST(Probe, EndedByItsHandleItCountsNothingMore) { EXPECT_EQ(passed("a1 a2 ! a3 |", alone), 2u); }

TEST(Probe, KnowsTheNewestStampAndHowFarBehindItTheChainIs) {
  ManualClock clock;
  Bus bus({.clock = &clock, .thread = false});
  const Probe here("here");
  bus.on<Number>() | probe(here) | subscribe([](const Number&) {});
  clock.set(10);
  bus.publish(Number{1});
  clock.set(17);
  while (bus.poll()) {
  }
  EXPECT_EQ(here.last_stamp(), 10);
  EXPECT_EQ(here.delay(), 7);
}

TEST(Probe, TheDelayIsThatOfOneInSixtyFour) {
  ManualClock clock;
  Bus bus({.clock = &clock, .thread = false});
  const Probe here("here");
  bus.on<Number>() | probe(here) | subscribe([](const Number&) {});
  Producer producer = bus.producer("test");
  for (int i = 0; i < 66; ++i) producer.publish_at(i < 64 ? 0 : i == 64 ? 90 : 95, Number{1});
  clock.set(100);
  while (bus.poll()) {
  }
  EXPECT_EQ(here.values(), 66u);
  EXPECT_EQ(here.delay(), 10) << "of the 65th";
  EXPECT_EQ(here.last_stamp(), 95) << "of the newest";
}

TEST(Probe, TwoInOneChainAndOneInTwoChains) {
  const Probe one("one"), other("other");
  (void)script("a1 a2 |", [&](auto in) { return std::move(in) | probe(one) | every(2) | probe(other); });
  EXPECT_EQ(one.values(), 2u);
  EXPECT_EQ(other.values(), 1u);
}

TEST(Probe, BehindObserveOn) {
  EXPECT_EQ(passed("a1 a2 |", [](auto in, const Probe& here) { return std::move(in) | observe_on(io) | probe(here); }),
            2u);
}

TEST(Probe, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  expect_usual_cases_of([](Bus& bus, Watched& watched) {
    const Probe here("here");
    watched.when_over = [&watched, here] {
      EXPECT_EQ(here.values(), watched.values.size()) << "it has counted what passed, and nothing else";
    };
    return drawn_source<Number>(bus) | every(2) | probe(here) | subscribe(WatchedSink{&watched});
  });
}

TEST(Probe, WithinAShareItHasTheBusClock) {
  ManualClock clock;
  Bus bus({.clock = &clock, .thread = false});
  const Probe shared("shared"), grouped("grouped");
  bus.on<Number>() | map(&Number::value) | share([&](auto in) { return std::move(in) | probe(shared); }) |
      group_by(std::identity(), at_most(2), [&](auto in) { return std::move(in) | probe(grouped); }) |
      subscribe([](const auto&) {});
  clock.set(10);
  bus.publish(Number{1});
  clock.set(13);
  while (bus.poll()) {
  }
  EXPECT_EQ(shared.delay(), 3);
  EXPECT_EQ(grouped.delay(), 3);
}

TEST(Probe, ItsNameIsInTheDescription) {
  const auto lines = Driven([](auto in) { return std::move(in) | probe(Probe("here")); }).pipeline().describe();
  EXPECT_NE(std::find(lines.begin(), lines.end(), "probe(here)"), lines.end());
}

TEST(Probe, IsNoPartOfItsPipelinesState) {
  expect_same_at_every_cut("probe", [](auto in) { return std::move(in) | every(2) | probe(Probe("here")); });
}

TEST(Probe, IsWhatAReferenceMakesOfRandomStreams) {
  expect_of_random_streams([](const Moments& stream, std::size_t) {
    Bus bus({.ring_capacity = 16, .thread = false});
    const Probe here("here");
    Values out;
    const Handle handle =
        bus.on<Number>() | map(&Number::value) | probe(here) | subscribe([&](double x) { out.push_back(x); });
    feed(handle->pipeline(), stream);
    Nanoseconds last = 0;
    for (const Moment& one : stream) last = one.value ? one.at : last;
    return near(out, values_of(stream)) && here.values() == out.size() && here.last_stamp() == last;
  });
}

}  // namespace
