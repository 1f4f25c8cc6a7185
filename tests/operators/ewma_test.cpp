#include "operators/statistics.hpp"
#include "operators/usual_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(Ewma, ByCountIsTheRecurrence) {
  for (const double alpha : {0.01, 0.3, 1.0}) {
    compare([=](auto in) { return std::move(in) | ewma(alpha); },
            [=](const Moments& s) {
              Values out;
              std::optional<double> average;
              for (const double x : values_of(s)) {
                if (!std::isnan(x)) average = average ? *average * (1 - alpha) + alpha * x : x;
                out.push_back(average.value_or(no_number));
              }
              return out;
            });
  }
}
TEST(Ewma, ByTimeIsTheMeanWithWeightsThatHalve) {
  compare([](auto in) { return std::move(in) | ewma(half_life(3ns)); },
          [](const Moments& s) {
            Values out;
            std::vector<std::pair<Nanoseconds, double>> before;
            for (const Moment& m : s) {
              if (!m.value) continue;
              if (!std::isnan(*m.value)) {
                const Nanoseconds at =
                    before.empty() ? m.at : std::max(m.at, before.back().first);  // a late one counts as of the newest
                before.emplace_back(at, *m.value);
              }
              double sum = 0, weights = 0;
              for (const auto& [then, x] : before) {
                const double weight = std::pow(0.5, static_cast<double>(before.back().first - then) / 3);
                sum += weight * x, weights += weight;
              }
              out.push_back(sum / weights);
            }
            return out;
          });
}
TEST(Ewma, ByTimeAnEarlierStampCountsAsOfTheNewest) {
  const Moments stream{{10, 8.0}, {4, 4.0}, {13, 0.0}};
  EXPECT_EQ(output_of([](auto in) { return std::move(in) | ewma(half_life(3ns)); }, stream, 4), (Values{8, 6, 3}));
}
TEST(Ewma, EmitsOneForEachAndNothingAtTheEnd) {
  EXPECT_EQ(marble("-8-4-|", [](auto in) { return std::move(in) | ewma(0.5); }), "1:8 3:6 5:|");
  EXPECT_EQ(marble("-8-4-|", [](auto in) { return std::move(in) | ewma(half_life(2ns)); }), "1:8 3:5.33333 5:|");
  EXPECT_EQ(marble("--|", [](auto in) { return std::move(in) | ewma(0.5); }), "2:|");
}
TEST(Ewma, EndsWithWhatEndsIt) {
  EXPECT_EQ(marble("-8-4-6|", [](auto in) { return std::move(in) | ewma(0.5) | take(2); }), "1:8 3:6 3:|");
}
TEST(Ewma, LeavesOutWhatIsNotFinite) {
  const Moments stream{{0, no_number}, {1, HUGE_VAL}, {2, 8.0}, {3, no_number}, {4, -HUGE_VAL}, {5, 4.0}};
  Values out = output_of([](auto in) { return std::move(in) | ewma(0.5); }, stream, 4);
  EXPECT_TRUE(std::isnan(out[0]) && std::isnan(out[1]));
  EXPECT_EQ(Values(out.begin() + 2, out.end()), (Values{8, 8, 8, 6}));
  out = output_of([](auto in) { return std::move(in) | ewma(half_life(3ns)); }, stream, 4);
  EXPECT_TRUE(std::isnan(out[0]) && std::isnan(out[1]));
  EXPECT_EQ(Values(out.begin() + 2, out.end()), (Values{8, 8, 8, (8 * 0.5 + 4) / 1.5}));
}
TEST(Ewma, OfConstantsIsThatConstant) {
  for (const double constant : {0.1, 1e300, std::numeric_limits<double>::denorm_min()}) {
    Moments stream;
    for (int i = 0; i < 1000; ++i) stream.push_back({i, constant});
    for (const double x : output_of([](auto in) { return std::move(in) | ewma(0.1); }, stream, 64))
      ASSERT_EQ(x, constant);
  }
}
// After so long a pause that nothing before it has a weight, only what comes then counts.
TEST(Ewma, ByTimeForgetsAllInALongPause) {
  const Moments stream{{std::numeric_limits<Nanoseconds>::min() + 1, 8.0},
                       {std::numeric_limits<Nanoseconds>::max(), 4.0}};
  EXPECT_EQ(output_of([](auto in) { return std::move(in) | ewma(half_life(1ns)); }, stream, 4), (Values{8, 4}));
}
TEST(Ewma, OnlyByTimeDependsOnClocks) {
  Driven by_count([](auto in) { return std::move(in) | ewma(0.5); });
  Driven by_time([](auto in) { return std::move(in) | ewma(half_life(1s)); });
  EXPECT_FALSE(by_count.handle()->options().wall_time);
  EXPECT_TRUE(by_time.handle()->options().wall_time);
}
TEST(Ewma, SaysWhatItIs) {
  Driven driven([](auto in) { return std::move(in) | ewma(0.5); });
  const auto lines = driven.pipeline().describe();
  EXPECT_NE(std::find(lines.begin(), lines.end(), "ewma(0.5)"), lines.end());
  Driven by_time([](auto in) { return std::move(in) | ewma(half_life(3ns)); });
  const auto of_time = by_time.pipeline().describe();
  EXPECT_NE(std::find(of_time.begin(), of_time.end(), "ewma(half_life)(3)"), of_time.end());
}
TEST(Ewma, RefusesWhatIsNoWeight) {
  EXPECT_THROW(ewma(0.0), OperatorError);
  EXPECT_THROW(ewma(1.1), OperatorError);
  EXPECT_NO_THROW(ewma(1.0));
  EXPECT_THROW(ewma(-0.1), OperatorError);
  EXPECT_THROW(ewma(no_number), OperatorError);
  EXPECT_THROW(half_life(0ns), OperatorError);
}

TEST(Ewma, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  expect_usual_cases([](auto in) { return std::move(in) | ewma(half_life(3ns)); });
}

}  // namespace
