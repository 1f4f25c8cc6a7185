#include "operators/statistics_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(Stats, AreThoseThatEachGivesAlone) {
  const auto all = [] { return stats(mean(), variance(), min_of(), max_of(), quantile(0.99), count(), slope()); };
  for (const auto& named_stream : hard_streams()) {
    const Values& stream = named_stream.second;
    const auto nth = [&](auto spec, std::size_t i) {
      return out_of(stream, [=](auto in) {
        return std::move(in) | window(spec) | all() | map(pure([i](const std::array<double, 7>& a) { return a[i]; }));
      });
    };
    const auto expect_all = [&](auto spec) {
      expect_values(nth(spec, 0), out_of(stream, [=](auto in) { return std::move(in) | window(spec) | mean(); }));
      expect_values(nth(spec, 1), out_of(stream, [=](auto in) { return std::move(in) | window(spec) | variance(); }));
      expect_values(nth(spec, 2), out_of(stream, [=](auto in) { return std::move(in) | window(spec) | min_of(); }));
      expect_values(nth(spec, 3), out_of(stream, [=](auto in) { return std::move(in) | window(spec) | max_of(); }));
      expect_values(nth(spec, 4), out_of(stream, [=](auto in) { return std::move(in) | window(spec) | p99(); }));
      expect_values(nth(spec, 5), out_of(stream, [=](auto in) { return std::move(in) | window(spec) | count(); }));
      expect_values(nth(spec, 6), out_of(stream, [=](auto in) { return std::move(in) | window(spec) | slope(); }));
    };
    expect_all(count(50));
    expect_all(sliding(50));
    expect_all(sliding(30, 7));
    expect_all(sliding(5, 7));
    expect_all(growing());
  }
}
TEST(Stats, EachOfItsOwnMember) {
  Bus bus({.thread = false});
  std::vector<std::array<double, 2>> seen;
  const Handle handle = bus.on<BatchEnd>() | window(sliding(2)) |
                        stats(mean(&BatchEnd::loss), max_of(&BatchEnd::samples)) |
                        subscribe([&](const std::array<double, 2>& a) { seen.push_back(a); });
  for (std::int32_t i = 1; i <= 3; ++i) bus.publish(BatchEnd{.loss = static_cast<double>(i), .samples = 10 * i});
  bus.flush();
  EXPECT_EQ(seen, (std::vector<std::array<double, 2>>{{1.5, 20}, {2.5, 30}}));
  const std::vector<std::string> lines = handle->pipeline().describe();
  EXPECT_NE(std::find(lines.begin(), lines.end(), "stats(mean, max_of)"), lines.end());
}
TEST(Stats, OfTheWindowThatIsOpenAtTheEnd) {
  EXPECT_EQ(out_of({1, 2, 6},
                   [](auto in) {
                     return std::move(in) | window(count(2)) | stats(sum(), count()) |
                            map([](const auto& a) { return a[0] * 10 + a[1]; });
                   }),
            (Values{32, 61}));
  EXPECT_EQ(out_of({},
                   [](auto in) {
                     return std::move(in) | window(count(2)) | stats(sum(), count()) |
                            map([](const auto& a) { return a[0]; });
                   }),
            Values{});
}

// A window of time whose length in values changes: what has left is gone from each statistic.
TEST(Stats, OfWindowsOfTimeThatSlide) {
  std::mt19937_64 random(37);
  Moments stream;
  Nanoseconds now = 0;
  for (int i = 0; i < 3000; ++i) {
    now += static_cast<Nanoseconds>(random() % 1000 == 0 ? 500 : random() % 3);
    stream.push_back({now, static_cast<double>(random() % 1000)});
  }
  const auto all = [&](std::size_t i) {
    return output_of(
        [i](auto in) {
          return std::move(in) | window(sliding_time(200ns, 10ns)) |
                 stats(min_of(), max_of(), median(), sum(), variance(), slope()) |
                 map(pure([i](const std::array<double, 6>& a) { return a[i]; }));
        },
        stream, 16);
  };
  std::vector<Values> expected(6);
  for (Nanoseconds end = 10; end < now + 200; end += 10) {
    Values v;
    for (const Moment& m : stream)
      if (m.at >= end - 200 && m.at < end) v.push_back(*m.value);
    if (v.empty()) continue;
    const double each[] = {exactly::least(v), exactly::greatest(v), bucketed(v, 0.5),
                           exactly::sum(v),   exactly::variance(v), exactly::slope(v)};
    for (std::size_t i = 0; i < 6; ++i) expected[i].push_back(each[i]);
  }
  for (std::size_t i = 0; i < 6; ++i) {
    const Values out = all(i);
    ASSERT_EQ(out.size(), expected[i].size());
    for (std::size_t k = 0; k < out.size(); ++k)
      if (!std::isnan(expected[i][k])) {
        ASSERT_NEAR(out[k], expected[i][k], 1e-9 * (1 + std::abs(expected[i][k])))
            << "statistic " << i << ", window " << k;
      }
  }
}

TEST(Stats, OverWindowsOfAllKinds) {
  const auto in_one = [](const Values& v) {
    return exactly::sum(v) + 100 * exactly::greatest(v) + 10'000 * static_cast<double>(v.size());
  };
  const auto chain = [](auto spec) {
    return [spec](auto in) {
      return std::move(in) | window(spec) | stats(sum(), max_of(), count()) |
             map([](const auto& a) { return a[0] + 100 * a[1] + 10'000 * a[2]; });
    };
  };
  compare(chain(count(3)), of_windows(3, 3, true, in_one));
  compare(chain(sliding(4)), of_windows(4, 1, false, in_one));
  compare(chain(sliding(2, 3)), of_windows(2, 3, false, in_one));
  compare(chain(growing()), of_growing(in_one));
}
constexpr auto sum_and_count = [](auto in) {
  return std::move(in) | window(count(2)) | stats(sum(), count()) | map([](const auto& a) { return a[0] * 10 + a[1]; });
};
TEST(Stats, BetweenTakes) {
  EXPECT_EQ(marble("12345|", [](auto in) { return sum_and_count(std::move(in) | take(3)); }), "1:32 2:31 2:|");
  EXPECT_EQ(marble("12345|", [](auto in) { return sum_and_count(std::move(in)) | take(1); }), "1:32 1:|");
}
TEST(Stats, MayBeUnsubscribedOrFail) {
  EXPECT_EQ(unsubscribed("12!3|", sum_and_count), "32");
  EXPECT_EQ(drawn<1>({"-12#|"}, sum_and_count), "--32#");
}
TEST(Stats, AHandlerMayPublishWhatItListensTo) { EXPECT_EQ(answered(33, sum_and_count), "32 421 "); }
TEST(Stats, DescribesItself) {
  EXPECT_EQ(described([](auto in) {
              return std::move(in) | window(count(2)) | stats(mean(), p99()) | map([](const auto& a) { return a[0]; });
            })[5]
                .substr(0, 20),
            "stats(mean, quantile");
}

}  // namespace
