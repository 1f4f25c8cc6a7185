#include "operators/cut.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

auto summed_of_time(auto in) { return std::move(in) | window(sliding_time(6ns, 3ns)) | sum(); }

TEST(SlidingTimeWindow, TheLastOfTimeAtEachStep) {
  EXPECT_EQ(marble("-1-2---3--------4----|", [](auto in) { return summed_of_time(std::move(in)); }),
            "3:1 6:3 9:5 12:3 18:4 21:4 21:|");
}

TEST(SlidingTimeWindow, NothingComesOfNothing) {
  EXPECT_EQ(marble("----------|", [](auto in) { return summed_of_time(std::move(in)); }), "10:|");
}

TEST(SlidingTimeWindow, AValueIsInEachWindowThatHoldsItsTime) {
  EXPECT_EQ(marble("-----1--------|", [](auto in) { return std::move(in) | window(sliding_time(6ns, 2ns)) | sum(); }),
            "6:1 8:1 10:1 14:|");
}

TEST(SlidingTimeWindow, AValueExactlyAtAnEndBelongsToTheNext) {
  EXPECT_EQ(marble("---1--2------|", [](auto in) { return summed_of_time(std::move(in)); }), "6:1 9:3 12:2 13:|");
}

TEST(SlidingTimeWindow, AllThatHoldAValueEmitAtTheEnd) {
  EXPECT_EQ(marble("-1-2|", [](auto in) { return summed_of_time(std::move(in)); }), "3:1 4:3 4:2 4:|");
}

TEST(SlidingTimeWindow, WithoutTicksTheNextValueClosesThem) {
  Driven driven([](auto in) { return summed_of_time(std::move(in)); });
  const Moments stream{{1, 1.0}, {1'000'000'000'000, 2.0}};
  driven.run(stream.data(), stream.data() + 2, 8);
  EXPECT_EQ(driven.output, (Values{1, 1}));
}

TEST(SlidingTimeWindow, WhatFallsBetweenTwoIsInNone) {
  EXPECT_EQ(marble("123456789|", [](auto in) { return std::move(in) | window(sliding_time(2ns, 4ns)) | sum(); }),
            "4:7 8:15 9:|");
}

TEST(SlidingTimeWindow, StampsBefore1970) {
  const Moments stream{{-7, 1.0}, {-4, 2.0}, {-1, 4.0}};
  EXPECT_EQ(output_of([](auto in) { return summed_of_time(std::move(in)); }, stream, 8), (Values{1, 3, 6, 4}));
}

TEST(SlidingTimeWindow, AnEarlierStampCountsAsOfTheLast) {
  const Moments stream{{5, 1.0}, {1, 2.0}};
  EXPECT_EQ(output_of([](auto in) { return summed_of_time(std::move(in)); }, stream, 8), (Values{3, 3}));
}

TEST(SlidingTimeWindow, OneWhoseWindowsHaveClosedIsInTheOneThatEndsNext) {
  Driven driven([](auto in) { return summed_of_time(std::move(in)); });
  const Moments stream{{1, 1.0}, {11, 2.0}, {20, std::nullopt}, {2, 4.0}, {21, std::nullopt}};
  driven.run(stream.data(), stream.data() + 5, 8);
  driven.end(21);
  EXPECT_EQ(driven.output, (Values{1, 1, 2, 2, 4}));
}

TEST(SlidingTimeWindow, BeyondItsBoundTheOldestLeavesBeforeItsTime) {
  EXPECT_EQ(marble("123-4------|",
                   [](auto in) { return std::move(in) | window(sliding_time(6ns, 3ns, {.at_most = 2})) | sum(); }),
            "3:5 6:7 9:4 11:|");
}

TEST(SlidingTimeWindow, AsLongAsItsStepIsWindowOfTime) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 1000; ++round) {
    Moments stream = random_stream(random);
    std::sort(stream.begin(), stream.end(), [](const Moment& a, const Moment& b) { return a.at < b.at; });
    const Values sliding_ones =
        output_of([](auto in) { return std::move(in) | window(sliding_time(3ns, 3ns)) | sum(); }, stream, 4);
    const Values tumbling =
        output_of([](auto in) { return std::move(in) | window(sidestep::time(3ns)) | sum(); }, stream, 4);
    ASSERT_TRUE(near(sliding_ones, tumbling)) << round;
  }
}

TEST(SlidingTimeWindow, TakeBehindItEndsTheStream) {
  EXPECT_EQ(marble("-1-2----|", [](auto in) { return summed_of_time(std::move(in)) | take(2); }), "3:1 6:3 6:|");
}

TEST(SlidingTimeWindow, NaNIsGoneWhenItHasLeft) {
  const Moments stream{{1, std::nan("")}, {4, 1.0}};
  const Values out = output_of([](auto in) { return summed_of_time(std::move(in)); }, stream, 8);
  ASSERT_EQ(out.size(), 3u);
  EXPECT_TRUE(std::isnan(out[0]) && std::isnan(out[1]));
  EXPECT_EQ(out[2], 1);
}

TEST(SlidingTimeWindow, IsReducedOnAnotherThreadToo) {
  ManualClock clock;
  Bus bus({.clock = &clock, .thread = false});
  std::vector<double> sums;
  bus.on<Number, OtherNumber>() | window(sliding_time(6ns, 3ns)) | observe_on(io) |
      sum([](const OneOf<Number, OtherNumber>& event) {
        double value = 0;
        event.visit([&](const auto& each) { value = each.value; });
        return value;
      }) |
      subscribe([&](double x) { sums.push_back(x); });
  for (const Nanoseconds at : {1, 4, 20}) {
    clock.set(at);
    at == 4 ? bus.publish(OtherNumber{4}) : bus.publish(Number{static_cast<double>(at)});
    while (bus.poll()) {
    }
  }
  bus.close();
  EXPECT_EQ(sums, (std::vector<double>{1, 5, 4, 20, 20}));
}

TEST(SlidingTimeWindow, RefusesWhatMakesNoSense) {
  EXPECT_THROW(sliding_time(0ns, 1ns), OperatorError);
  EXPECT_THROW(sliding_time(1ns, 0ns), OperatorError);
  EXPECT_THROW(sliding_time(1s, 1ns), OperatorError);
  EXPECT_THROW(sliding_time(1s, 1ms, {.at_most = 0}), OperatorError);
  EXPECT_THROW(sliding_time(std::chrono::nanoseconds::max(), 24h), OperatorError);
  constexpr auto longest = std::chrono::nanoseconds::max() / 4;
  EXPECT_NO_THROW(sliding_time(longest, longest, {.at_most = 1}));
  EXPECT_THROW(sliding_time(longest, longest + 1ns), OperatorError);
  EXPECT_THROW(sliding_time(longest + 1ns, longest), OperatorError);
}

double mean_in(const Values& v) {
  double total = 0;
  for (const double x : v) total += x;
  return total / static_cast<double>(v.size());
}
double variance_in(const Values& v) {
  double total = 0;
  for (const double x : v) total += (x - mean_in(v)) * (x - mean_in(v));
  return total / static_cast<double>(v.size());
}
double least_in(const Values& v) {
  for (const double x : v)
    if (std::isnan(x)) return x;
  return *std::min_element(v.begin(), v.end());
}

/// Every window that there could be, one by one; of values in order.
Reference each_window(Nanoseconds length, Nanoseconds step, std::size_t at_most, double (*reduce)(const Values&)) {
  return [=](const Moments& stream, bool over) {
    Values out;
    const Nanoseconds last = stream.empty() ? -1000 : stream.back().at;
    for (Nanoseconds end = -20 * step; end <= (over ? last + length + step : last); end += step) {
      Moments before;
      for (const Moment& m : stream)
        if (m.value && m.at < end) before.push_back(m);
      if (before.size() > at_most) before.erase(before.begin(), before.end() - static_cast<std::ptrdiff_t>(at_most));
      Values inside;
      for (const Moment& m : before)
        if (m.at >= end - length) inside.push_back(*m.value);
      if (!inside.empty()) out.push_back(reduce(inside));
    }
    return out;
  };
}

/// The same for values that may be late: each counts as of the latest before it, and where its windows have closed as
/// of the begin of the one that ends next. A window closes at the first moment at or behind its end, if anything is
/// there that isn't too old for all to come.
Reference each_window_of_late_ones(Nanoseconds length, Nanoseconds step, std::size_t at_most,
                                   double (*reduce)(const Values&)) {
  return [=](const Moments& stream, bool over) {
    Values out;
    Moments seen;
    Nanoseconds end = 0;  // of the window that ends next
    const auto close = [&](Nanoseconds now) {
      for (; !seen.empty() && end <= now && seen.back().at >= end - step - length; end += step) {
        Values inside;
        for (std::size_t i = seen.size() < at_most ? 0 : seen.size() - at_most; i < seen.size(); ++i)
          if (seen[i].at >= end - length) inside.push_back(*seen[i].value);
        if (!inside.empty()) out.push_back(reduce(inside));
      }
    };
    for (const Moment& m : stream) {
      close(m.at);
      if (!m.value) continue;
      if (seen.empty() || m.at >= end) end = sidestep::detail::interval_end(m.at, step);
      Nanoseconds at = m.at < end - step ? std::max(m.at, end - length) : m.at;
      if (!seen.empty()) at = std::max(at, seen.back().at);
      seen.push_back({at, m.value});
    }
    if (over) close(1000);
    return out;
  };
}

TEST(SlidingTimeWindow, AsTheReference) {
  for (const auto& [length, step] : std::vector<std::pair<int, int>>{{5, 2}, {6, 3}, {2, 3}}) {
    const auto build = [length = length, step = step](std::int64_t at_most) {
      return [=](auto in) {
        return std::move(in) |
               window(sliding_time(std::chrono::nanoseconds(length), std::chrono::nanoseconds(step),
                                   {.at_most = at_most})) |
               mean();
      };
    };
    compare(build(64), each_window_of_late_ones(length, step, 99, mean_in));
    compare(build(3), each_window_of_late_ones(length, step, 3, mean_in));
  }
}

TEST(SlidingTimeWindow, OfValuesInOrderAsTheirReference) {
  compare([](auto in) { return std::move(in) | window(sliding_time(5ns, 2ns, {.at_most = 64})) | mean(); },
          each_window(5, 2, 99, mean_in), true);
  compare([](auto in) { return std::move(in) | window(sliding_time(6ns, 3ns, {.at_most = 64})) | variance(); },
          each_window(6, 3, 99, variance_in), true);
  compare([](auto in) { return std::move(in) | window(sliding_time(4ns, 1ns, {.at_most = 64})) | min_of(); },
          each_window(4, 1, 99, least_in), true);
  compare([](auto in) { return std::move(in) | window(sliding_time(2ns, 3ns, {.at_most = 64})) | min_of(); },
          each_window(2, 3, 99, least_in), true);
  compare([](auto in) { return std::move(in) | window(sliding_time(5ns, 2ns, {.at_most = 3})) | mean(); },
          each_window(5, 2, 3, mean_in), true);
}

TEST(SlidingTimeWindow, IsSavedAnywhere) {
  const auto build = [](auto in) { return std::move(in) | window(sliding_time(5ns, 2ns, {.at_most = 3})) | mean(); };
  expect_same_at_every_cut("sliding_time mean", build);
  expect_words_for_damage("sliding_time mean", build);
}

TEST(SlidingTimeWindow, IsSavedAnywhereWithTheGreatestValue) {
  const auto build = [](auto in) { return std::move(in) | window(sliding_time(4ns, 1ns, {.at_most = 64})) | max_of(); };
  expect_same_at_every_cut("sliding_time max", build);
  expect_words_for_damage("sliding_time max", build);
}

TEST(SlidingTimeWindow, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  expect_usual_cases([](auto in) { return summed_of_time(std::move(in)); });
}

}  // namespace
