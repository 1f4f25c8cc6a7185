#include "operators/cut.hpp"
#include "operators/drawn.hpp"
#include "operators/endings.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <sidestep/operators/reduce.hpp>

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;

const auto total = [](auto in) { return std::move(in) | reduce(0.0, std::plus<>()); };
struct Horner {
  double operator()(double a, double x) const { return a / 2 + x; }
};
const auto horner = [](auto in) { return std::move(in) | reduce(1.0, Horner{}); };

TEST(Reduce, EmitsTheAccumulatorWhenTheStreamEnds) {
  EXPECT_EQ(marble("1-2-3--|", total), "7:6 7:|");
  EXPECT_EQ(marble("4|", total), "1:4 1:|");
}

TEST(Reduce, AStreamWithoutValuesEmitsTheSeed) {
  EXPECT_EQ(marble("---|", [](auto in) { return std::move(in) | reduce(9.0, std::plus<>()); }), "3:9 3:|");
}

TEST(Reduce, FoldsFromTheLeft) { EXPECT_EQ(marble("84|", horner), "2:8.25 2:|"); }

TEST(Reduce, IntoAnotherTypeToo) {
  EXPECT_EQ(drawn<1>({"-1-2|"},
                     [](auto in) {
                       return std::move(in) | reduce(std::string(), [](const std::string& text, double x) {
                                return text + text_of(x);
                              });
                     }),
            "----12|");
  EXPECT_EQ(drawn<1>({"-5-5|"}, [](auto in) { return std::move(in) | reduce(0, [](int n, double) { return n + 1; }); }),
            "----2|");
}

TEST(Reduce, NaNStaysInASum) {
  EXPECT_EQ(marble("123|",
                   [](auto in) {
                     return std::move(in) | map([](double x) { return x == 2 ? std::nan("") : x; }) |
                            reduce(0.0, std::plus<>());
                   }),
            "3:nan 3:|");
}

TEST(Reduce, TheStreamMayEndBeforeIt) {
  EXPECT_EQ(marble("123|", [](auto in) { return std::move(in) | take(2) | reduce(0.0, std::plus<>()); }), "1:3 1:|");
  EXPECT_EQ(marble("123|", [](auto in) { return std::move(in) | take(0) | reduce(5.0, std::plus<>()); }), "0:5 0:|");
}

TEST(Reduce, TakesTheOpenWindowIn) {
  EXPECT_EQ(marble("123|",
                   [](auto in) { return std::move(in) | window(count(2)) | sum() | reduce(1.0, std::multiplies<>()); }),
            "3:9 3:|");
}

TEST(Reduce, MayBeEndedByWhatFollows) {
  EXPECT_EQ(marble("123|", [](auto in) { return std::move(in) | reduce(0.0, std::plus<>()) | take(1); }), "3:6 3:|");
  EXPECT_EQ(
      marble("123|", [](auto in) { return std::move(in) | reduce(0.0, std::plus<>()) | window(count(2)) | sum(); }),
      "3:6 3:|");
}

TEST(Reduce, EmitsNothingWhenItIsUnsubscribedOrFails) {
  EXPECT_EQ(unsubscribed("12!3|", total), "");
  EXPECT_EQ(drawn<1>({"-1-#|"}, total), "---#");
  EXPECT_EQ(drawn<1>({"-1-2|"},
                     [](auto in) {
                       return std::move(in) |
                              reduce(0.0, [](double a, double x) { return x < 2 || asked() ? a + x : a; });
                     }),
            "---#");
}

TEST(Reduce, IsWhatAReferenceMakesOfRandomStreams) {
  compare(horner, [](const Moments& s, bool over) {
    if (!over) return Values{};
    double a = 1;
    for (const double x : values_of(s)) a = a / 2 + x;
    return Values{a};
  });
}

TEST(Reduce, GoesOnFromAnyCut) {
  expect_same_at_every_cut("reduce", horner);
  expect_words_for_damage("reduce", horner);
}

TEST(Reduce, DescribesItself) {
  EXPECT_EQ(described(total)[3], "reduce");
  EXPECT_EQ(described(total)[4], "double");
}

TEST(Reduce, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(horner); }

}  // namespace
