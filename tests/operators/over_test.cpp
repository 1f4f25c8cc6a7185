#include "operators/two_inputs.hpp"

#include <list>
#include <ranges>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

constexpr auto means = [](auto in) { return std::move(in) | window(count(2)) | mean(); };

TEST(Over, RunsAChainOverAVector) {
  EXPECT_EQ(over(Values{1, 2, 3, 4, 5}, means), (Values{1.5, 3.5, 5}));
  EXPECT_EQ(over(Values{1}, means), (Values{1}));
  EXPECT_EQ(over(Values{}, means), Values{});
}

TEST(Over, RunsOverAnyRange) {
  EXPECT_EQ(over(std::list<double>{1, 3}, means), (Values{2}));
#ifndef __clang__  // version 14 can't read libstdc++ 12's views
  EXPECT_EQ(over(std::views::iota(1, 5) | std::views::transform([](int x) { return 2.0 * x; }), means), (Values{3, 7}));
  std::istringstream text("1 3 5");
  EXPECT_EQ(over(std::views::istream<double>(text), means), (Values{2, 5}));
#endif
  EXPECT_EQ(over(std::vector<bool>{true, false, true},
                 [](auto in) { return std::move(in) | filter([](bool x) { return x; }); })
                .size(),
            2u);
}

TEST(Over, AChainWithoutStagesGivesTheRangeBack) {
  EXPECT_EQ(over(Values{1, 2}, [](auto in) { return in; }), (Values{1, 2}));
}

TEST(Over, TheIthElementHasTheStampI) {
  const auto out = over(Values{7, 8}, [](auto in) { return std::move(in) | timestamp(); });
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].stamp, 0);
  EXPECT_EQ(out[1].stamp, 1);
  EXPECT_EQ(over(Values{1, 2, 3, 4, 5}, [](auto in) { return std::move(in) | throttle(2ns); }), (Values{1, 3, 5}));
}

#ifndef __clang__
TEST(Over, AChainThatEndsReadsNoFurther) {
  int read = 0;
  const auto out =
      over(std::views::iota(0) | std::views::transform([&](int x) { return ++read, static_cast<double>(x); }),
           [](auto in) { return std::move(in) | take(3) | window(count(2)) | sum(); });
  EXPECT_EQ(out, (Values{1, 2}));
  EXPECT_EQ(read, 3) << "the range has no end";
}
#endif

TEST(Over, WhatAStageThrowsReachesTheCaller) {
  EXPECT_THROW((void)over(Values{1, 2}, [](auto in) { return std::move(in) | map(ThrowsAt{2}); }), std::runtime_error);
  EXPECT_EQ(over(Values{1, 2, 3},
                 [](auto in) { return std::move(in) | map(ThrowsAt{2}) | on_error_continue([](std::string_view) {}); }),
            (Values{1, 3}));
}

TEST(Over, SaysFinally) {
  int calls = 0;
  (void)over(Values{1}, [&](auto in) { return std::move(in) | finally([&] { ++calls; }); });
  EXPECT_EQ(calls, 1);
}

TEST(Over, EachRunBeginsAnew) {
  EXPECT_EQ(over(Values{1, 2}, [](auto in) { return std::move(in) | scan(0.0, std::plus<>()); }), (Values{1, 3}));
  EXPECT_EQ(over(Values{1, 2}, [](auto in) { return std::move(in) | scan(0.0, std::plus<>()); }), (Values{1, 3}));
}

TEST(Over, GroupsAndShares) {
  const auto out = over(Values{1, 2, 3}, [](auto in) {
    return std::move(in) | group_by([](double x) { return static_cast<int>(x) % 2; }, at_most(2),
                                    [](auto each) { return std::move(each) | scan(0.0, std::plus<>()); });
  });
  EXPECT_EQ(out, (std::vector<std::pair<int, double>>{{1, 1}, {0, 2}, {1, 4}}));
}

TEST(Over, IsWhatTheBusGives) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 200; ++round) {
    Moments stream;
    Values values;
    for (int i = static_cast<int>(random() % 30); i > 0; --i) values.push_back(static_cast<double>(random() % 9));
    for (std::size_t i = 0; i < values.size(); ++i) stream.push_back({static_cast<Nanoseconds>(i), values[i]});
    const auto chain = [](auto in) {
      return std::move(in) | filter([](double x) { return x != 3; }) | throttle(2ns) | window(count(3)) | sum();
    };
    ASSERT_EQ(over(values, chain), output_of(chain, stream, 4));
  }
}

template <class Build>
concept RunsOver = requires(Build build, Values values) {
  over(values, build);
};
TEST(Over, TakesChainsThatEmit) {
  const auto ends = [](auto in) { return std::move(in) | subscribe([](double) {}); };
  EXPECT_TRUE(RunsOver<decltype(means)>);
  EXPECT_FALSE(RunsOver<decltype(ends)>) << "one that ends by itself has no result";
}

/// Its members are data: it builds a chain, and is no stage.
struct HasAnOut {
  Values* out;
  auto operator()(auto in) const {
    return std::move(in) | tap([to = out](double x) { to->push_back(x); });
  }
};
TEST(Over, TakesAFunctorWithAMemberThatAStageHasToo) {
  Values seen;
  EXPECT_EQ(over(Values{1, 2}, HasAnOut{&seen}), (Values{1, 2}));
  EXPECT_EQ(seen, (Values{1, 2}));
}

TEST(Over, GivesWhatABusGives) {
  expect_of_random_streams([](const Moments& stream, std::size_t span) {
    const Values all = values_of(stream);
    Moments counted;
    for (const double x : all) counted.push_back({static_cast<Nanoseconds>(counted.size()), x});
    const auto chain = [](auto in) { return std::move(in) | throttle(2ns) | window(count(2)) | sum() | take(4); };
    return near(over(all, chain), output_of(chain, counted, span));
  });
}

}  // namespace
