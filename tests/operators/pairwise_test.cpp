#include "operators/cut.hpp"
#include "operators/drawn.hpp"
#include "operators/endings.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <sidestep/operators/last.hpp>
#include <sidestep/operators/pairwise.hpp>
#include <sidestep/operators/start_with.hpp>

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;

struct Joined {
  double operator()(const std::pair<double, double>& both) const { return 10 * both.first + both.second; }
};
const auto pairs = [](auto in) { return std::move(in) | pairwise() | map(Joined{}); };

TEST(Pairwise, EmitsEachValueWithTheOneBeforeIt) {
  EXPECT_EQ(drawn<1>({"-1----2----3---|"}, [](auto in) { return std::move(in) | pairwise(); }), "------1,2--2,3-|");
  EXPECT_EQ(marble("1-2-3|", pairs), "2:12 4:23 5:|");
}

TEST(Pairwise, NothingComesOfOneValueOrNone) {
  EXPECT_EQ(marble("-1-|", pairs), "3:|");
  EXPECT_EQ(marble("---|", pairs), "3:|");
}

TEST(Pairwise, NaNIsAValue) {
  EXPECT_EQ(drawn<1>({"-1----2----3---|"},
                     [](auto in) {
                       return std::move(in) | map([](double x) { return x == 2 ? std::nan("") : x; }) | pairwise();
                     }),
            "------1,nannan,3|");
}

TEST(Pairwise, OfSeveralValuesThatOneEventBrings) {
  EXPECT_EQ(marble("12|", [](auto in) { return std::move(in) | start_with(7, 8) | pairwise() | map(Joined{}); }),
            "0:78 0:81 1:12 2:|");
}

TEST(Pairwise, BetweenTakes) {
  EXPECT_EQ(marble("1234|", [](auto in) { return std::move(in) | take(3) | pairwise() | map(Joined{}); }),
            "1:12 2:23 2:|");
  EXPECT_EQ(marble("1234|", [](auto in) { return std::move(in) | pairwise() | take(1) | map(Joined{}); }), "1:12 1:|");
}

TEST(Pairwise, OfWindowsAndInWindows) {
  EXPECT_EQ(
      marble("1234|", [](auto in) { return std::move(in) | window(count(2)) | sum() | pairwise() | map(Joined{}); }),
      "3:37 4:|");
  EXPECT_EQ(marble("1234|", [](auto in) { return std::move(in) | pairwise() | window(count(2)) | sum(Joined{}); }),
            "2:35 4:34 4:|");
}

TEST(Pairwise, MayBeUnsubscribedOrFail) {
  EXPECT_EQ(unsubscribed("12!3|", pairs), "12");
  EXPECT_EQ(drawn<1>({"12#|"}, pairs), "-12#");
}

TEST(Pairwise, KeepsTheEventsAndNotTheirSlots) {
  const auto joined = [](const auto& both) { return 1000 * number_of(both.first) + number_of(both.second); };
  EXPECT_EQ(of_two_types(4, [&](auto in) { return std::move(in) | pairwise() | map(joined); }),
            (Values{1000 - 2, -2000 + 3, 3000 - 4}));
  EXPECT_EQ(of_two_types(99,
                         [&](auto in) {
                           return std::move(in) | pairwise() |
                                  last([](const auto& both) { return number_of(both.first) == 5; }) | map(joined);
                         }),
            Values{5000 - 6});
}

TEST(Pairwise, OfTextsToo) {
  EXPECT_EQ(drawn<1>({"1-2-|"},
                     [](auto in) {
                       return std::move(in) | map([](double x) { return std::string(30, 'x') + text_of(x); }) |
                              pairwise() |
                              map([](const auto& both) { return both.first.substr(30) + both.second.substr(30); });
                     }),
            "--12|");
}

TEST(Pairwise, IsWhatAReferenceMakesOfRandomStreams) {
  compare(pairs, [](const Moments& s) {
    const Values all = values_of(s);
    Values out;
    for (std::size_t i = 1; i < all.size(); ++i) out.push_back(10 * all[i - 1] + all[i]);
    return out;
  });
}

TEST(Pairwise, GoesOnFromAnyCut) {
  expect_same_at_every_cut("pairwise", pairs);
  expect_same_at_every_cut("pairwise, last",
                           [](auto in) { return std::move(in) | pairwise() | last() | map(Joined{}); });
  expect_words_for_damage("pairwise", pairs);
}

TEST(Pairwise, DescribesItself) {
  EXPECT_EQ(described(pairs)[3], "pairwise");
  EXPECT_EQ(described(pairs)[4], "std::pair<double, double>");
}

TEST(Pairwise, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(pairs); }

}  // namespace
