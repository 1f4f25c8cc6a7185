#include "operators/cut.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

auto with_timeout(auto in) { return std::move(in) | timeout(5ns); }

TEST(Timeout, SaysHowLongInTheGreatestUnitOfWhichItIsAWholeNumber) {
  const std::pair<Nanoseconds, const char*> cases[] = {{7, "7 ns"},
                                                       {1'500, "1500 ns"},
                                                       {20'000, "20 us"},
                                                       {100'000'000, "100 ms"},
                                                       {90'000'000'000, "90 s"},
                                                       {2'000'000'000'000, "2000 s"}};
  for (const auto& [length, said] : cases)
    EXPECT_EQ(TimeoutError(length).what(), std::string("timeout: no value came for ") + said + ".");
}

TEST(Timeout, FailsWhenNothingComesForTooLong) {
  Driven driven([](auto in) { return with_timeout(std::move(in)); });
  const Moments stream{{2, 1.0}, {5, 2.0}, {9, std::nullopt}, {10, std::nullopt}};
  driven.run(stream.data(), stream.data() + 3, 8);
  EXPECT_FALSE(driven.handle()->failed());
  driven.run(stream.data() + 3, stream.data() + 4, 8);
  EXPECT_TRUE(driven.handle()->failed());
  EXPECT_NE(driven.handle()->error().find("timeout: no value came for 5 ns."), std::string::npos)
      << driven.handle()->error();
  EXPECT_EQ(driven.output, (Values{1, 2}));
  EXPECT_FALSE(driven.ended());
}

TEST(Timeout, FailsAtAValueThatComesTooLate) {
  for (const Nanoseconds late : {7, 8, 100}) {
    Driven driven([](auto in) { return with_timeout(std::move(in)); });
    const Moments stream{{2, 1.0}, {late, 2.0}};
    driven.run(stream.data(), stream.data() + 2, 8);
    EXPECT_TRUE(driven.handle()->failed()) << late;
    EXPECT_EQ(driven.output, (Values{1}));
  }
}

TEST(Timeout, AValueJustInTimePasses) {
  Driven driven([](auto in) { return with_timeout(std::move(in)); });
  const Moments stream{{2, 1.0}, {6, 2.0}, {10, 3.0}};
  driven.run(stream.data(), stream.data() + 3, 8);
  EXPECT_FALSE(driven.handle()->failed());
  EXPECT_EQ(driven.output, (Values{1, 2, 3}));
}

TEST(Timeout, BeforeTheFirstValueTimeCountsFromTheFirstTick) {
  Driven driven([](auto in) { return with_timeout(std::move(in)); });
  const Moments stream{{100, std::nullopt}, {104, std::nullopt}, {105, std::nullopt}};
  driven.run(stream.data(), stream.data() + 2, 8);
  EXPECT_FALSE(driven.handle()->failed());
  driven.run(stream.data() + 2, stream.data() + 3, 8);
  EXPECT_TRUE(driven.handle()->failed());
}

TEST(Timeout, TheFirstValueIsNeverLateWhereNothingWasSeenBeforeIt) {
  Driven driven([](auto in) { return with_timeout(std::move(in)); });
  const Moment late{1'000'000, 1.0};
  driven.run(&late, &late + 1, 8);
  EXPECT_FALSE(driven.handle()->failed());
  EXPECT_EQ(driven.output, (Values{1}));
}

TEST(Timeout, AnEarlierStampDoesNotShortenTheWait) {
  Driven driven([](auto in) { return with_timeout(std::move(in)); });
  const Moments stream{{10, 1.0}, {3, 2.0}, {14, std::nullopt}, {15, std::nullopt}};
  driven.run(stream.data(), stream.data() + 3, 8);
  EXPECT_FALSE(driven.handle()->failed());
  driven.run(stream.data() + 3, stream.data() + 4, 8);
  EXPECT_TRUE(driven.handle()->failed());
  EXPECT_EQ(driven.output, (Values{1, 2}));
}

TEST(Timeout, TheEndOfTheStreamIsNeverLate) {
  Driven driven([](auto in) { return with_timeout(std::move(in)); });
  const Moment one{1, 1.0};
  driven.run(&one, &one + 1, 8);
  driven.end(100);
  EXPECT_FALSE(driven.handle()->failed());
  EXPECT_TRUE(driven.ended());
}

TEST(Timeout, WhatEndedBeforeIsNotTimed) {
  Driven driven([](auto in) { return with_timeout(std::move(in)) | take(1); });
  const Moments stream{{1, 1.0}, {100, std::nullopt}};
  driven.run(stream.data(), stream.data() + 2, 8);
  EXPECT_EQ(driven.handle()->life(), Subscription::Life::completed);
}

TEST(Timeout, FailsItsOwnPipelineAlone) {
  ManualClock clock;
  Bus bus({.clock = &clock, .thread = false});
  int other = 0, failures = 0;
  const Handle handle = bus.on<Number>() | timeout(5ns) | subscribe([](const Number&) {});
  bus.on<Number>() | subscribe([&](const Number&) { ++other; });
  bus.on<PipelineFailed>() | subscribe([&](const PipelineFailed&) { ++failures; });
  Producer producer = bus.producer("test");
  for (const Nanoseconds at : {1, 2, 9}) {
    clock.set(at);
    producer.publish(Number{1});
    while (bus.poll()) {
    }
  }
  EXPECT_TRUE(handle->failed());
  EXPECT_EQ(handle->life(), Subscription::Life::failed);
  EXPECT_EQ(other, 3);
  EXPECT_EQ(failures, 1);
}

TEST(Timeout, IsFoundOutOnAnotherThreadToo) {
  ManualClock clock;
  Bus bus({.clock = &clock, .thread = false});
  const Handle handle = bus.on<Number>() | observe_on(io) | timeout(5ns) | subscribe([](const Number&) {});
  clock.set(1);
  bus.publish(Number{1});
  bus.flush();  // the tick in it too: one at a time goes there
  clock.set(10);
  bus.poll();
  bus.flush();
  EXPECT_TRUE(handle->failed());
}

TEST(Timeout, RefusesATimeOfNothing) { EXPECT_THROW(timeout(0ns), OperatorError); }

TEST(Timeout, AsTheReference) {
  compare([](auto in) { return with_timeout(std::move(in)); },
          [](const Moments& s) {
            Values out;
            for (std::size_t i = 0; i < s.size(); ++i) {
              Nanoseconds since = s[0].at;  // the latest value before, or the first moment of all
              for (std::size_t j = 1; j < i; ++j)
                if (s[j].value) since = std::max(since, s[j].at);
              if (i > 0 && s[i].at - since >= 5) return Said(out, Said::End::with_an_error);
              if (s[i].value) out.push_back(*s[i].value);
            }
            return Said(out);
          });
}

TEST(Timeout, IsSavedAnywhere) {
  const auto build = [](auto in) { return std::move(in) | timeout(1000ns); };
  expect_same_at_every_cut("timeout", build);
  expect_words_for_damage("timeout", build);
  Driven first([](auto in) { return with_timeout(std::move(in)); }),
      second([](auto in) { return with_timeout(std::move(in)); });
  const Moments stream{{1, 1.0}, {6, 2.0}};
  first.run(stream.data(), stream.data() + 1, 8);
  States states = first.save();
  second.load(states);
  second.run(stream.data() + 1, stream.data() + 2, 8);
  EXPECT_TRUE(second.handle()->failed());
}

TEST(Timeout, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  expect_usual_cases([](auto in) { return with_timeout(std::move(in)); });
}

}  // namespace
