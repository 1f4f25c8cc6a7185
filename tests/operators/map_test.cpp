#include "operators/answered.hpp"
#include "operators/cut.hpp"
#include "operators/drawn.hpp"
#include "operators/endings.hpp"
#include "operators/reference.hpp"
#include "operators/stream.hpp"
#include "operators/usual_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(Map, EmitsWhatTheFunctionSays) {
  EXPECT_EQ(marble("--1--2-|", [](auto in) { return std::move(in) | map([](double x) { return x * 10; }); }),
            "2:10 5:20 7:|");
}

TEST(Map, TakesMembersAndMemberFunctions) {
  struct Pair {
    double value;
    double twice() const { return 2 * value; }
  };
  EXPECT_EQ(marble("-1-2|",
                   [](auto in) { return std::move(in) | map([](double x) { return Pair{x}; }) | map(&Pair::value); }),
            "1:1 3:2 4:|");
  EXPECT_EQ(marble("-1-2|",
                   [](auto in) { return std::move(in) | map([](double x) { return Pair{x}; }) | map(&Pair::twice); }),
            "1:2 3:4 4:|");
}

TEST(Map, TwoAfterEachOtherAreOneOfBoth) {
  const auto f = [](double x) { return x + 1; };
  const auto g = [](double x) { return x * 3; };
  EXPECT_EQ(marble("12-3|", [&](auto in) { return std::move(in) | map(f) | map(g); }),
            marble("12-3|", [&](auto in) { return std::move(in) | map([=](double x) { return g(f(x)); }); }));
}

constexpr auto tenfold = [](double x) { return x * 10; };
const auto tens = [](auto in) { return std::move(in) | map(tenfold); };

TEST(Map, OfNothingAndOfNaN) {
  EXPECT_EQ(marble("--|", tens), "2:|");
  EXPECT_EQ(marble("0|", [](auto in) { return std::move(in) | map([](double x) { return x / 0.0; }) | map(tenfold); }),
            "0:nan 1:|");
}

TEST(Map, MayChangeTheType) {
  EXPECT_EQ(drawn<1>({"-1-2|"},
                     [](auto in) {
                       return std::move(in) |
                              map([](double x) { return std::string(static_cast<std::size_t>(x), 'x'); });
                     }),
            "-x-xx|");
}

TEST(Map, CallsOnceForEachValueInTheirOrder) {
  std::string called;
  EXPECT_EQ(
      marble("123|", [&](auto in) { return std::move(in) | map([&](double x) { return called += text_of(x), x; }); }),
      "0:1 1:2 2:3 3:|");
  EXPECT_EQ(called, "123");
}

TEST(Map, BetweenTakesAndWindows) {
  EXPECT_EQ(marble("123|", [](auto in) { return std::move(in) | take(2) | map(tenfold); }), "0:10 1:20 1:|");
  EXPECT_EQ(marble("123|", [](auto in) { return std::move(in) | map(tenfold) | take(2); }), "0:10 1:20 1:|");
  EXPECT_EQ(
      marble("123|", [](auto in) { return std::move(in) | map(tenfold) | window(count(2)) | sum() | map(tenfold); }),
      "1:300 3:300 3:|");
}

TEST(Map, MayBeUnsubscribedOrFail) {
  EXPECT_EQ(unsubscribed("1!2|", tens), "10");
  EXPECT_EQ(drawn<1>({"-1#2|"}, tens), "-10#");
  EXPECT_EQ(drawn<1>({"-1-2|"},
                     [](auto in) {
                       return std::move(in) | map([](double x) { return x == 2 ? throw MarbleError("two") : x; });
                     }),
            "-1-#");
}

TEST(Map, AHandlerMayPublishWhatItListensTo) {
  EXPECT_EQ(answered(3, [](auto in) { return std::move(in) | map([](double x) { return x; }); }), "1 11 2 12 ");
}

TEST(Map, IsWhatAReferenceMakesOfRandomStreams) {
  compare(tens, [](const Moments& s) {
    Values out;
    for (const double x : values_of(s)) out.push_back(x * 10);
    return out;
  });
}

TEST(Map, GoesOnFromAnyCut) { expect_same_at_every_cut("map", tens); }

TEST(Map, DescribesItself) { EXPECT_EQ(described(tens)[3], "map"); }

TEST(Map, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(tens); }

}  // namespace
