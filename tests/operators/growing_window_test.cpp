#include "operators/statistics_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(Growing, EmitsAfterEachValueAndNothingAtTheEnd) {
  EXPECT_EQ(marble("-12--3-|", [](auto in) { return std::move(in) | window(growing()) | sum(); }), "1:1 2:3 5:6 7:|");
  EXPECT_EQ(marble("--|", [](auto in) { return std::move(in) | window(growing()) | sum(); }), "2:|");
}
TEST(Growing, EachStatistic) {
  compare([](auto in) { return std::move(in) | window(growing()) | mean(); }, of_growing(exactly::mean));
  compare([](auto in) { return std::move(in) | window(growing()) | sum(); }, of_growing(exactly::sum));
  compare([](auto in) { return std::move(in) | window(growing()) | variance(); }, of_growing(exactly::variance));
  compare([](auto in) { return std::move(in) | window(growing()) | min_of(); }, of_growing(exactly::least));
  compare([](auto in) { return std::move(in) | window(growing()) | max_of(); }, of_growing(exactly::greatest));
}
TEST(Growing, DoesNotDependOnClocks) {
  Driven grows([](auto in) { return std::move(in) | window(growing()) | mean(); });
  EXPECT_FALSE(grows.handle()->options().wall_time);
}

constexpr auto total_so_far = [](auto in) { return std::move(in) | window(growing()) | sum(); };
TEST(Growing, BetweenTakes) {
  EXPECT_EQ(marble("123|", [](auto in) { return total_so_far(std::move(in) | take(2)); }), "0:1 1:3 1:|");
  EXPECT_EQ(marble("123|", [](auto in) { return total_so_far(std::move(in)) | take(2); }), "0:1 1:3 1:|");
}
TEST(Growing, NaNStays) {
  const auto nan_at_two = map([](double x) { return x == 2 ? no_number : x; });
  EXPECT_EQ(marble("123|", [&](auto in) { return total_so_far(std::move(in) | nan_at_two); }), "0:1 1:nan 2:nan 3:|");
}
TEST(Growing, IsScan) {
  EXPECT_EQ(marble("1-23|", total_so_far),
            marble("1-23|", [](auto in) { return std::move(in) | scan(0.0, std::plus<>()); }));
}
TEST(Growing, MayBeUnsubscribedOrFail) {
  EXPECT_EQ(unsubscribed("12!3|", total_so_far), "1 3");
  EXPECT_EQ(drawn<1>({"-12#|"}, total_so_far), "-13#");
}
TEST(Growing, AHandlerMayPublishWhatItListensTo) { EXPECT_EQ(answered(3, total_so_far), "1 12 14 "); }
TEST(Growing, MayBeReducedOnAnotherThread) {
  Bus bus;
  Values seen;
  bus.on<Number>() | map(&Number::value) | window(growing()) | observe_on(io) | sum() |
      subscribe([&](double x) { seen.push_back(x); });
  for (const double x : {1.0, 2.0, 3.0}) bus.publish(Number{x});
  bus.flush();
  EXPECT_EQ(seen, (Values{1, 3, 6}));
}
TEST(Growing, DescribesItself) { EXPECT_EQ(described(total_so_far)[3], "window(growing)"); }

}  // namespace
