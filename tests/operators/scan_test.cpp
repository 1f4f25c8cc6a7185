#include "operators/answered.hpp"
#include "operators/cut.hpp"
#include "operators/drawn.hpp"
#include "operators/endings.hpp"
#include "operators/stream.hpp"
#include "operators/usual_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(Scan, EmitsTheAccumulatorAfterEachValueAndNotTheSeed) {
  const auto sums = [](auto in) { return std::move(in) | scan(0.0, [](double a, double x) { return a + x; }); };
  EXPECT_EQ(marble("-1-2-3|", sums), "1:1 3:3 5:6 6:|");
  EXPECT_EQ(marble("--|", sums), "2:|");
}

TEST(Scan, MayChangeTheType) {
  EXPECT_EQ(marble("-1-2-3|",
                   [](auto in) {
                     return std::move(in) | scan(std::int64_t{0}, [](std::int64_t n, double) { return n + 1; }) |
                            map([](std::int64_t n) { return static_cast<double>(n); });
                   }),
            "1:1 3:2 5:3 6:|");
}

const auto running_sum = [](auto in) { return std::move(in) | scan(0.0, std::plus<>()); };

TEST(Scan, OfOneValueAndOfNaN) {
  EXPECT_EQ(marble("3|", running_sum), "0:3 1:|");
  const auto nan_at_two = map([](double x) { return x == 2 ? std::nan("") : x; });
  EXPECT_EQ(marble("123|", [&](auto in) { return std::move(in) | nan_at_two | scan(0.0, std::plus<>()); }),
            "0:1 1:nan 2:nan 3:|");
}

TEST(Scan, CallsOnceForEachValue) {
  int calls = 0;
  EXPECT_EQ(
      marble("123|",
             [&](auto in) { return std::move(in) | scan(0.0, [&](double a, double x) { return ++calls, a + x; }); }),
      "0:1 1:3 2:6 3:|");
  EXPECT_EQ(calls, 3);
}

TEST(Scan, BetweenTakesAndWindows) {
  EXPECT_EQ(marble("123|", [](auto in) { return std::move(in) | take(2) | scan(0.0, std::plus<>()); }), "0:1 1:3 1:|");
  EXPECT_EQ(marble("123|", [](auto in) { return std::move(in) | scan(0.0, std::plus<>()) | take(2); }), "0:1 1:3 1:|");
  EXPECT_EQ(marble("123|", [](auto in) { return std::move(in) | window(count(2)) | sum() | scan(0.0, std::plus<>()); }),
            "1:3 3:6 3:|");
  EXPECT_EQ(marble("123|", [](auto in) { return std::move(in) | scan(0.0, std::plus<>()) | window(count(2)) | sum(); }),
            "1:4 3:6 3:|");
}

TEST(Scan, OfTexts) {
  EXPECT_EQ(drawn<1>({"-1-2-3|"},
                     [](auto in) {
                       return std::move(in) |
                              scan(std::string(), [](const std::string& a, double x) { return a + text_of(x); });
                     }),
            "-1-12123|");
}

TEST(Scan, MayBeUnsubscribedOrFail) {
  EXPECT_EQ(unsubscribed("12!3|", running_sum), "1 3");
  EXPECT_EQ(drawn<1>({"-1#2|"}, running_sum), "-1#");
  EXPECT_EQ(drawn<1>({"-1-2|"},
                     [](auto in) {
                       return std::move(in) |
                              scan(0.0, [](double a, double x) { return x == 2 ? throw MarbleError("two") : a + x; });
                     }),
            "-1-#");
}

TEST(Scan, AHandlerMayPublishWhatItListensTo) { EXPECT_EQ(answered(3, running_sum), "1 12 14 "); }

TEST(Scan, GoesOnFromAnyCut) {
  expect_same_at_every_cut("scan", running_sum);
  expect_words_for_damage("scan", running_sum);
}

TEST(Scan, DescribesItself) { EXPECT_EQ(described(running_sum)[3], "scan"); }

TEST(Scan, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(running_sum); }

}  // namespace
