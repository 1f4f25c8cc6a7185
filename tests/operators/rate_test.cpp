#include "operators/statistics_cases.hpp"
#include "operators/usual_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(Rate, OfWindowsOfACount) {
  const auto in_ns = [](const Moments& s, bool over, std::size_t n, std::size_t step, bool partial) {
    Values out;
    Moments all;
    Nanoseconds newest = std::numeric_limits<Nanoseconds>::min();  // of those in a window
    for (const Moment& m : s) {
      if (!m.value) continue;
      if (all.size() % step < n) newest = std::max(newest, m.at);
      all.push_back({newest, m.value});
    }
    for (std::size_t from = 0; from < all.size() && ((partial && over) || from + n <= all.size()); from += step) {
      const std::size_t last = std::min(from + n, all.size()) - 1;
      out.push_back(last == from ? no_number
                                 : static_cast<double>(last - from) / static_cast<double>(all[last].at - all[from].at));
    }
    return out;
  };
  const auto per_ns = map([](double x) { return std::isinf(x) ? 1e3 : x / 1e9; });
  const auto without_infinity = [](Values v) {
    for (double& x : v)
      if (std::isinf(x)) x = 1e3;
    return v;
  };
  compare([=](auto in) { return std::move(in) | window(count(3)) | rate() | per_ns; },
          [=](const Moments& s, bool over) { return without_infinity(in_ns(s, over, 3, 3, true)); });
  compare([=](auto in) { return std::move(in) | window(sliding(4)) | rate() | per_ns; },
          [=](const Moments& s, bool over) { return without_infinity(in_ns(s, over, 4, 1, false)); });
  compare([=](auto in) { return std::move(in) | window(sliding(2, 3)) | rate() | per_ns; },
          [=](const Moments& s, bool over) { return without_infinity(in_ns(s, over, 2, 3, false)); });
}
TEST(Rate, OfIntervalsIsByTheirLength) {
  EXPECT_EQ(marble("-12----3--4-|",
                   [](auto in) {
                     return std::move(in) | window(sidestep::time(4ns)) | rate() |
                            map([](double x) { return x / 2.5e8; });
                   }),
            "4:2 8:1 12:1 12:|");
  EXPECT_EQ(marble("-12-|", [](auto in) { return std::move(in) | window(sidestep::time(8ns)) | rate(); }), "4:|");
}
TEST(Rate, OfSessionsAndSlidingTimes) {
  EXPECT_EQ(marble("-1-2------34--|",
                   [](auto in) {
                     return std::move(in) | window(session(4ns)) | rate() | map([](double x) { return x / 1e8; });
                   }),
            "7:5 14:10 14:|");
  EXPECT_EQ(marble("-1-2---3----|",
                   [](auto in) {
                     return std::move(in) | window(sliding_time(8ns, 4ns)) | rate() |
                            map([](double x) { return x / 1e8; });
                   }),
            "4:5 8:3.33333 12:nan 12:|");
}
TEST(Rate, AnEarlierStampCountsAsOfTheNewest) {
  const Moments stream{{10, 1.0}, {7, 2.0}, {20, 3.0}, {12, 4.0}, {30, 5.0}};
  const auto out = [&](auto spec) {
    return output_of([=](auto in) { return std::move(in) | window(spec) | rate(); }, stream, 8);
  };
  EXPECT_EQ(out(sliding(3)), (Values{2e8, 2e8, 2e8}));
  EXPECT_EQ(out(sliding(2)), (Values{infinity, 1e8, infinity, 1e8}));
  expect_values(out(count(2)), {infinity, infinity, no_number});
}
TEST(Rate, DependsOnClocks) {
  Driven driven([](auto in) { return std::move(in) | window(count(3)) | rate(); });
  EXPECT_TRUE(driven.handle()->options().wall_time);
}

constexpr auto per_two = [](auto in) {
  return std::move(in) | window(count(2)) | rate() | map([](double x) { return x / 1e8; });
};
TEST(Rate, OfNothingOneAndTheWindowThatIsOpenAtTheEnd) {
  EXPECT_EQ(marble("--|", per_two), "2:|");
  EXPECT_EQ(marble("1|", per_two), "1:nan 1:|");
  EXPECT_EQ(marble("1-2-3|", per_two), "2:5 5:nan 5:|");
}
TEST(Rate, BetweenTakes) {
  EXPECT_EQ(marble("1-2-3|", [](auto in) { return per_two(std::move(in) | take(2)); }), "2:5 2:|");
  EXPECT_EQ(marble("1-2-3|", [](auto in) { return per_two(std::move(in)) | take(1); }), "2:5 2:|");
}
TEST(Rate, MayBeUnsubscribedOrFail) {
  EXPECT_EQ(unsubscribed("1!2|", per_two), "");
  EXPECT_EQ(drawn<1>({"-1#2|"}, per_two), "--#");
}
TEST(Rate, AHandlerMayPublishWhatItListensTo) {
  ManualClock clock;
  Bus bus({.clock = &clock, .thread = false});
  Values seen;
  per_two(bus.on<Number>()) | subscribe([&](double x) {
    seen.push_back(x);
    clock.advance(5);
    if (seen.size() == 3) return;
    bus.publish(Number{1});
    clock.advance(10);
    bus.publish(Number{1});
  });
  bus.publish(Number{1});
  clock.advance(2);
  bus.publish(Number{1});
  while (bus.poll()) {
  }
  bus.close();
  EXPECT_EQ(seen, (Values{5, 1, 1}));
}

TEST(Rate, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  expect_usual_cases([](auto in) { return std::move(in) | window(count(2)) | rate(); });
  expect_usual_cases([](auto in) { return std::move(in) | window(sliding_time(8ns, 4ns)) | rate(); });
}

}  // namespace
