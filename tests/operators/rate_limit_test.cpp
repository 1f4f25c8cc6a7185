#include "operators/cut.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(RateLimit, LetsSoManyPassAndDropsTheOthers) {
  EXPECT_EQ(marble("-1234-5-----678|", [](auto in) { return std::move(in) | rate_limit(2, 4ns); }),
            "1:1 2:2 3:3 6:5 12:6 13:7 14:8 15:|");
}

TEST(RateLimit, NothingComesOfNothing) {
  EXPECT_EQ(marble("-----|", [](auto in) { return std::move(in) | rate_limit(2, 4ns); }), "5:|");
}

TEST(RateLimit, TheFirstMayComeAtOnce) {
  Driven driven([](auto in) { return std::move(in) | rate_limit(3, 10ns); });
  const Moments stream{{0, 1.0}, {0, 2.0}, {0, 3.0}, {0, 4.0}};
  driven.run(stream.data(), stream.data() + 4, 8);
  EXPECT_EQ(driven.output, (Values{1, 2, 3}));
}

TEST(RateLimit, ATokenIsThereExactlyWhenItIsComplete) {
  const Moments stream{{0, 1.0}, {0, 2.0}, {4, 3.0}, {5, 4.0}, {9, 5.0}, {10, 6.0}};
  EXPECT_EQ(output_of([](auto in) { return std::move(in) | rate_limit(1, 5ns); }, stream, 8), (Values{1, 4, 6}));
}

TEST(RateLimit, ThirdsOfATokenAreNotRounded) {
  // three in ten nanoseconds: a token is complete after 4, 7 and 10
  const Moments stream{{0, 1.0}, {0, 1.0}, {0, 1.0}, {3, 2.0}, {4, 3.0}, {6, 4.0}, {7, 5.0}, {9, 6.0}, {10, 7.0}};
  EXPECT_EQ(output_of([](auto in) { return std::move(in) | rate_limit(3, 10ns); }, stream, 8),
            (Values{1, 1, 1, 3, 5, 7}));
}

TEST(RateLimit, ASilenceFillsTheBucketAndNoMore) {
  Moments stream{{0, 0.0}, {0, 0.0}};
  for (int i = 1; i <= 4; ++i) stream.push_back({1'000'000'000'000, static_cast<double>(i)});
  EXPECT_EQ(output_of([](auto in) { return std::move(in) | rate_limit(2, 4ns); }, stream, 8), (Values{0, 0, 1, 2}));
}

TEST(RateLimit, ABurstOfItsOwn) {
  const Moments stream{{0, 1.0}, {0, 2.0}, {5, 3.0}, {5, 4.0}, {10, 5.0}, {10, 6.0}};
  EXPECT_EQ(output_of([](auto in) { return std::move(in) | rate_limit(2, 10ns, {.burst = 1}); }, stream, 8),
            (Values{1, 3, 5}));
  const Moments many{{0, 1.0}, {0, 2.0}, {0, 3.0}, {0, 4.0}, {5, 5.0}, {5, 6.0}};
  EXPECT_EQ(output_of([](auto in) { return std::move(in) | rate_limit(2, 10ns, {.burst = 3}); }, many, 8),
            (Values{1, 2, 3, 5}));
}

TEST(RateLimit, AnEarlierStampBringsNoToken) {
  const Moments stream{{100, 1.0}, {0, 2.0}, {104, 3.0}, {105, 4.0}};
  EXPECT_EQ(output_of([](auto in) { return std::move(in) | rate_limit(1, 5ns); }, stream, 8), (Values{1, 4}));
}

TEST(RateLimit, FromStampsBefore1970) {
  const Moments stream{{-10, 1.0}, {-6, 2.0}, {-5, 3.0}, {0, 4.0}};
  EXPECT_EQ(output_of([](auto in) { return std::move(in) | rate_limit(1, 5ns); }, stream, 8), (Values{1, 3, 4}));
}

TEST(RateLimit, OfManyInALongTime) {
  EXPECT_NO_THROW(rate_limit(1'000'000, 24h));
  EXPECT_NO_THROW(rate_limit(1, 24h * 365));
  EXPECT_NO_THROW(rate_limit(1'000'000'000, 1s));
}

TEST(RateLimit, TakeBehindItEndsTheStream) {
  EXPECT_EQ(marble("1234|", [](auto in) { return std::move(in) | rate_limit(2, 40ns) | take(2); }), "0:1 1:2 1:|");
}

TEST(RateLimit, RefusesNothingAndTooMuch) {
  EXPECT_THROW(rate_limit(0, 1s), OperatorError);
  EXPECT_THROW(rate_limit(-1, 1s), OperatorError);
  EXPECT_THROW(rate_limit(1, 0s), OperatorError);
  EXPECT_THROW(rate_limit(1, 1s, {.burst = -1}), OperatorError);
  EXPECT_THROW(rate_limit(1'000'000'007, 24h), OperatorError);
  constexpr std::int64_t most = std::int64_t{1} << 61;
  EXPECT_NO_THROW(rate_limit(1, 1ns, {.burst = most}));
  EXPECT_THROW(rate_limit(1, 1ns, {.burst = most + 1}), OperatorError);
  EXPECT_THROW(rate_limit(most + 1, 1ns, {.burst = 1}), OperatorError);
}

TEST(RateLimit, DependsOnClocksAndDescribesItself) {
  Driven driven([](auto in) { return std::move(in) | rate_limit(3, 10ns, {.burst = 2}); });
  EXPECT_TRUE(driven.handle()->options().wall_time);
  const auto lines = driven.pipeline().describe();
  EXPECT_NE(std::find(lines.begin(), lines.end(), "rate_limit(2, 7)"), lines.end())
      << "the burst, and after how long all of it is there again";
}

TEST(RateLimit, ABucketIsFullNoSoonerThanItsLastTokenIsComplete) {
  // a token takes 3 1/3 ns, two of them 6 2/3
  const Moments stream{{0, 1.0}, {0, 2.0}, {6, 3.0}, {6, 4.0}, {7, 5.0}};
  EXPECT_EQ(output_of([](auto in) { return std::move(in) | rate_limit(3, 10ns, {.burst = 2}); }, stream, 8),
            (Values{1, 2, 3, 5}));
}

TEST(RateLimit, AStateOfMoreThanItsBucketOrOfLessThanNothingIsRefused) {
  const auto loads = [](std::int64_t credit) {
    rate_limit limit(2, 1ns);  // two tokens at a price of one
    Archive saving;
    Nanoseconds at = 5;
    saving(at, credit);
    const std::vector<std::byte> bytes = std::move(saving).take();
    Archive loading{std::span<const std::byte>(bytes)};
    limit.state(loading);
  };
  EXPECT_NO_THROW(loads(0));
  EXPECT_NO_THROW(loads(2));
  EXPECT_THROW(loads(3), ArchiveError);
  EXPECT_THROW(loads(-1), ArchiveError);
}

/// As ATM's cells are policed: a value may come when the one after the last is due, less what a burst allows.
Reference policed(std::int64_t n, std::int64_t per, std::int64_t burst) {
  return [=](const Moments& s, bool) {
    Values out;
    std::optional<std::int64_t> due, newest;  // in n-ths of a nanosecond
    for (const Moment& m : s) {
      if (!m.value) continue;
      newest = newest ? std::max(*newest, m.at * n) : m.at * n;
      if (due && *due - (burst - 1) * per > *newest) continue;
      due = (due ? std::max(*due, *newest) : *newest) + per;
      out.push_back(*m.value);
    }
    return out;
  };
}

TEST(RateLimit, AsTheReference) {
  compare([](auto in) { return std::move(in) | rate_limit(1, 3ns); }, policed(1, 3, 1));
  compare([](auto in) { return std::move(in) | rate_limit(2, 7ns); }, policed(2, 7, 2));
  compare([](auto in) { return std::move(in) | rate_limit(4, 6ns, {.burst = 2}); }, policed(4, 6, 2));
  compare([](auto in) { return std::move(in) | rate_limit(3, 2ns); }, policed(3, 2, 3));
  compare([](auto in) { return std::move(in) | rate_limit(3, 7ns, {.burst = 2}); }, policed(3, 7, 2));
}

TEST(RateLimit, IsSavedAnywhere) {
  const auto build = [](auto in) { return std::move(in) | rate_limit(2, 5ns); };
  expect_same_at_every_cut("rate_limit", build);
  expect_words_for_damage("rate_limit", build);
}

TEST(RateLimit, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  expect_usual_cases([](auto in) { return std::move(in) | rate_limit(2, 4ns); });
}

}  // namespace
