// A row of stages without a beginning is a value: put behind any number of chains, or taken where a chain is built.
#include <sidestep/operators.hpp>

#include <gtest/gtest.h>

namespace {
using namespace sidestep;

struct Reading {
  static constexpr EventId id = first_user_event + 1;
  static constexpr std::string_view name = "Reading";
  double value = 0;
};

/// Emits what is greater than the value before it.
struct rising {
  double last = -1e300;
  template <class In>
  using out = In;
  void operator()(double value, auto&& out) {
    if (value > last) out(value);
    last = value;
  }
};

const std::vector<double> values{1, 3, 2, 5, 4, 9};

TEST(Row, IsPutBehindAnyNumberOfChainsEachWithItsOwnState) {
  Bus bus({.thread = false});
  const auto pairs = map([](double x) { return 2 * x; }) | window(count(2)) | sum();
  std::vector<double> all, some;
  bus.on<Reading>() | map(&Reading::value) | pairs | subscribe([&](double x) { all.push_back(x); });
  bus.on<Reading>() | map(&Reading::value) | filter([](double x) { return x > 2; }) | pairs |
      subscribe([&](double x) { some.push_back(x); });
  for (const double value : values) bus.publish(Reading{value});
  bus.close();
  EXPECT_EQ(all, (std::vector<double>{8, 14, 26}));
  EXPECT_EQ(some, (std::vector<double>{16, 26}));
}

TEST(Row, MayBeginAtASourceAndBringTheEndAlong) {
  Bus bus({.thread = false});
  std::vector<double> seen;
  const auto writes = map(&Reading::value) | rising{} | subscribe([&](double x) { seen.push_back(x); });
  bus.on<Reading>() | writes;
  for (const double value : values) bus.publish(Reading{value});
  bus.close();
  EXPECT_EQ(seen, (std::vector<double>{1, 3, 5, 9}));
}

TEST(Row, OfRowsIsARow) {
  const auto small = filter([](double x) { return x < 5; }) | map([](double x) { return x * 10; });
  const auto both = skip(1) | small | (take(2) | map([](double x) { return x + 1; }));
  EXPECT_EQ(over(values, both), (std::vector<double>{31, 21}));
}

TEST(Row, StandsWhereAChainIsBuilt) {
  const auto tens = map([](double x) { return x * 10; }) | take(2);
  const auto shared = share(tens, [](auto in) { return std::move(in) | filter([](double x) { return x > 4; }); });
  EXPECT_EQ(over(values, [&](auto in) { return std::move(in) | shared; }), (std::vector<double>{10, 30, 5, 9}));
  const auto odd = [](double x) { return static_cast<int>(x) % 2; };
  const auto grouped = over(values, [&](auto in) { return std::move(in) | group_by(odd, at_most(2), tens); });
  ASSERT_EQ(grouped.size(), 4u);
  EXPECT_EQ(grouped.front(), std::make_pair(1, 10.0));
}

TEST(Row, OfOneStageStandsThereToo) {
  const auto tens = map([](double x) { return x * 10; });
  EXPECT_EQ(over(values, tens), (std::vector<double>{10, 30, 20, 50, 40, 90}));
  EXPECT_EQ(over(values, rising{}), (std::vector<double>{1, 3, 5, 9}));
  EXPECT_EQ(over(values, share(take(1), tens)), (std::vector<double>{1, 10, 30, 20, 50, 40, 90}));
  EXPECT_EQ(over(values, partition([](double x) { return x > 3; }, take(2), tens)),
            (std::vector<double>{10, 30, 20, 5, 4}));
  const auto odd = [](double x) { return static_cast<int>(x) % 2; };
  EXPECT_EQ(over(values, group_by(odd, at_most(2), take(1))), (std::vector<std::pair<int, double>>{{1, 1}, {0, 2}}));
}

// What asks whether it can be called with a value gets an answer.
TEST(Row, IsNoFunctionOfAValue) {
  const auto tens = map([](double x) { return x * 10; }) | take(2);
  static_assert(!std::is_invocable_v<decltype(tens)&, double>);
  static_assert(!std::is_invocable_v<decltype(tens)&, Fragment<std::string>>);
  static_assert(std::is_invocable_v<decltype(tens)&, Fragment<double>>);
}

TEST(Row, MayHandOver) {
  Bus bus({.thread = false});
  std::vector<double> seen;
  const auto elsewhere = map(&Reading::value) | observe_on(io) | filter([](double x) { return x > 2; });
  bus.on<Reading>() | elsewhere | subscribe([&](double x) { seen.push_back(x); });
  for (const double value : values) bus.publish(Reading{value});
  bus.close();
  EXPECT_EQ(seen, (std::vector<double>{3, 5, 4, 9}));
}

}  // namespace
