#include "operators/cut.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

auto summed_sessions(auto in) { return std::move(in) | window(session(4ns)) | sum(); }

TEST(SessionWindow, ClosesWhenNothingHasComeForTheGap) {
  EXPECT_EQ(marble("-1-2-3------4-5----|", [](auto in) { return summed_sessions(std::move(in)); }), "9:6 18:9 19:|");
}

TEST(SessionWindow, NothingComesOfNothing) {
  EXPECT_EQ(marble("-------|", [](auto in) { return summed_sessions(std::move(in)); }), "7:|");
}

TEST(SessionWindow, OfOneValue) {
  EXPECT_EQ(marble("-1-------|", [](auto in) { return summed_sessions(std::move(in)); }), "5:1 9:|");
}

TEST(SessionWindow, AValueExactlyAtTheGapOpensTheNext) {
  EXPECT_EQ(marble("1---2--3-------|", [](auto in) { return summed_sessions(std::move(in)); }), "4:1 11:5 15:|");
}

TEST(SessionWindow, WithoutTicksTheNextValueClosesIt) {
  const Moments stream{{0, 1.0}, {3, 2.0}, {100, 3.0}};
  EXPECT_EQ(output_of([](auto in) { return summed_sessions(std::move(in)); }, stream, 8), (Values{3, 3}));
}

TEST(SessionWindow, OneThatIsOpenAtTheEndEmitsWhatItHas) {
  EXPECT_EQ(marble("12|", [](auto in) { return summed_sessions(std::move(in)); }), "2:3 2:|");
  EXPECT_EQ(marble("1----|", [](auto in) { return summed_sessions(std::move(in)); }), "4:1 5:|");
}

TEST(SessionWindow, AnEarlierStampBelongsToTheOpenOneAndDoesNotShortenIt) {
  Driven driven([](auto in) { return summed_sessions(std::move(in)); });
  const Moments stream{{10, 1.0}, {2, 2.0}, {13, std::nullopt}, {14, std::nullopt}};
  driven.run(stream.data(), stream.data() + 3, 8);
  EXPECT_TRUE(driven.output.empty());
  driven.run(stream.data() + 3, stream.data() + 4, 8);
  EXPECT_EQ(driven.output, (Values{3}));
}

TEST(SessionWindow, AStampBeforeTheLastSessionsOpensOneOfItsOwn) {
  const Moments stream{{10, 1.0}, {14, std::nullopt}, {5, 2.0}, {8, 3.0}, {9, std::nullopt}, {13, 4.0}};
  EXPECT_EQ(output_of([](auto in) { return summed_sessions(std::move(in)); }, stream, 8), (Values{1, 5, 4}));
}

TEST(SessionWindow, TakeBehindItEndsTheStream) {
  EXPECT_EQ(marble("1-----2----3|", [](auto in) { return summed_sessions(std::move(in)) | take(1); }), "4:1 4:|");
}

TEST(SessionWindow, ATakeBeforeItLetsItEmit) {
  EXPECT_EQ(marble("12345|", [](auto in) { return std::move(in) | take(3) | window(session(4ns)) | sum(); }),
            "2:6 2:|");
}

TEST(SessionWindow, NaNSpoilsItsOwnWindowAlone) {
  const Moments stream{{0, std::nan("")}, {1, 1.0}, {9, 2.0}};
  const Values out = output_of([](auto in) { return summed_sessions(std::move(in)); }, stream, 8);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_TRUE(std::isnan(out[0]));
  EXPECT_EQ(out[1], 2);
}

TEST(SessionWindow, RefusesAGapOfNothing) { EXPECT_THROW(session(0ns), OperatorError); }

TEST(SessionWindow, DependsOnClocks) {
  Driven driven([](auto in) { return summed_sessions(std::move(in)); });
  EXPECT_TRUE(driven.handle()->options().wall_time);
}

TEST(SessionWindow, DescribesItself) {
  Driven driven([](auto in) { return summed_sessions(std::move(in)); });
  const auto lines = driven.pipeline().describe();
  EXPECT_NE(std::find(lines.begin(), lines.end(), "window(session)(4)"), lines.end());
}

TEST(SessionWindow, IsReducedOnAnotherThreadToo) {
  ManualClock clock;
  Bus bus({.clock = &clock, .thread = false});
  std::vector<double> sums;
  bus.on<Number>() | window(session(4ns)) | observe_on(io) | sum(&Number::value) |
      subscribe([&](double x) { sums.push_back(x); });
  for (const Nanoseconds at : {1, 2, 9}) {
    clock.set(at);
    bus.publish(Number{static_cast<double>(at)});
    while (bus.poll()) {
    }
  }
  bus.close();
  EXPECT_EQ(sums, (std::vector<double>{3, 9}));
}

/// Values that lie closer than the gap to the latest before them in their session. A tick ends one, too.
std::vector<Values> sessions(const Moments& stream, Nanoseconds gap, bool over) {
  std::vector<Values> all;
  std::optional<Nanoseconds> latest;
  for (const Moment& m : stream) {
    if (latest && m.at - *latest >= gap) latest.reset();
    if (!m.value) continue;
    if (!latest) all.emplace_back();
    all.back().push_back(*m.value);
    latest = std::max(m.at, latest.value_or(m.at));
  }
  if (latest && !over) all.pop_back();
  return all;
}

TEST(SessionWindow, AsTheReference) {
  compare([](auto in) { return std::move(in) | window(session(2ns)) | mean(); },
          [](const Moments& s, bool over) {
            Values out;
            for (const Values& one : sessions(s, 2, over)) {
              double total = 0;
              for (const double x : one) total += x;
              out.push_back(total / static_cast<double>(one.size()));
            }
            return out;
          });
  compare([](auto in) { return std::move(in) | filter(is_finite) | window(session(3ns)) | max_of(); },
          [](const Moments& s, bool over) {
            Moments finite;
            for (const Moment& m : s)
              if (!m.value || !std::isnan(*m.value)) finite.push_back(m);
            Values out;
            for (const Values& one : sessions(finite, 3, over))
              out.push_back(*std::max_element(one.begin(), one.end()));
            return out;
          });
}

TEST(SessionWindow, IsSavedAnywhere) {
  const auto build = [](auto in) { return std::move(in) | window(session(2ns)) | variance(); };
  expect_same_at_every_cut("session", build);
  expect_words_for_damage("session", build);
}

TEST(SessionWindow, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  expect_usual_cases([](auto in) { return summed_sessions(std::move(in)); });
}

}  // namespace
