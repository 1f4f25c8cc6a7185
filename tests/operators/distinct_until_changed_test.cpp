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

TEST(DistinctUntilChanged, DropsWhatEqualsTheOneBefore) {
  EXPECT_EQ(marble("112-21|", [](auto in) { return std::move(in) | distinct_until_changed(); }), "0:1 2:2 5:1 6:|");
}

TEST(DistinctUntilChanged, ComparesKeys) {
  EXPECT_EQ(marble("1325|",
                   [](auto in) {
                     return std::move(in) | distinct_until_changed([](double x) { return static_cast<int>(x) % 2; });
                   }),
            "0:1 2:2 3:5 4:|");
}

TEST(DistinctUntilChanged, NanIsAlwaysNew) {
  EXPECT_EQ(
      marble("00|",
             [](auto in) { return std::move(in) | map([](double x) { return x / 0.0; }) | distinct_until_changed(); }),
      "0:nan 1:nan 2:|");
}

const auto changes = [](auto in) { return std::move(in) | distinct_until_changed(); };

TEST(DistinctUntilChanged, OfNothingAndOfOne) {
  EXPECT_EQ(marble("--|", changes), "2:|");
  EXPECT_EQ(marble("1|", changes), "0:1 1:|");
  EXPECT_EQ(marble("0|", changes), "0:0 1:|") << "nothing equals nothing";
}

TEST(DistinctUntilChanged, BetweenTakesAndWindows) {
  EXPECT_EQ(marble("1121|", [](auto in) { return std::move(in) | take(3) | distinct_until_changed(); }), "0:1 2:2 2:|");
  EXPECT_EQ(marble("1121|", [](auto in) { return std::move(in) | distinct_until_changed() | take(2); }), "0:1 2:2 2:|");
  EXPECT_EQ(
      marble("1121|", [](auto in) { return std::move(in) | distinct_until_changed() | window(count(2)) | sum(); }),
      "2:3 4:1 4:|");
}

TEST(DistinctUntilChanged, KeepsTheEventsAndNotTheirSlots) {
  EXPECT_EQ(of_two_types(9,
                         [](auto in) {
                           return std::move(in) | distinct_until_changed([](const auto& event) {
                                    return std::abs(number_of(event)) > 4;
                                  }) |
                                  map(number_of);
                         }),
            (Values{1, 5}));
}

TEST(DistinctUntilChanged, MayBeUnsubscribedOrFail) {
  EXPECT_EQ(unsubscribed("11!2|", changes), "1");
  EXPECT_EQ(drawn<1>({"-1#2|"}, changes), "-1#");
  EXPECT_EQ(drawn<1>({"-1-2|"},
                     [](auto in) {
                       return std::move(in) |
                              distinct_until_changed([](double x) { return x == 2 ? throw MarbleError("two") : x; });
                     }),
            "-1-#");
}

TEST(DistinctUntilChanged, AHandlerMayPublishWhatItListensTo) { EXPECT_EQ(answered(3, changes), "1 11 2 12 "); }

TEST(DistinctUntilChanged, GoesOnFromAnyCut) {
  expect_same_at_every_cut("distinct_until_changed", changes);
  expect_words_for_damage("distinct_until_changed", changes);
}

TEST(DistinctUntilChanged, DescribesItself) { EXPECT_EQ(described(changes)[3], "distinct_until_changed"); }

TEST(DistinctUntilChanged, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(changes); }

}  // namespace
