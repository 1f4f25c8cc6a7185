#include "operators/two_inputs.hpp"
#include "operators/usual_cases.hpp"

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

constexpr auto two_late = [](auto a, auto b) { return merge_by_time(2ns, std::move(a), std::move(b)); };

TEST(MergeByTime, BringsValuesInTheOrderOfTheirStamps) {
  EXPECT_EQ(script("@5 a5 @4 b4 @6 a6 @5 b55 @9 a9 |", two_late), "4 5 55 6 9 |");
}

TEST(MergeByTime, OfNothingOneAndOneSide) {
  EXPECT_EQ(script("|", two_late), "|");
  EXPECT_EQ(script("a1 |", two_late), "1 |");
  EXPECT_EQ(script("@3 b3 @2 b2 |", two_late), "2 3 |");
}

TEST(MergeByTime, AValueIsOutWhenTheNewestIsExactlyTheLatenessPastIt) {
  DrivenByTwo driven(two_late);
  const Arrivals arrivals{{10, 0, 1.0}, {11, 1, 2.0}, {12, 0, 3.0}};
  driven.run(arrivals.data(), arrivals.data() + 2, 8);
  EXPECT_TRUE(driven.output.empty()) << "1 ns isn't enough";
  driven.run(arrivals.data() + 2, arrivals.data() + 3, 8);
  EXPECT_EQ(driven.output, (Values{1}));
}

TEST(MergeByTime, ATickBringsItOutToo) {
  DrivenByTwo driven(two_late);
  const Arrivals arrivals{{10, 0, 1.0}, {11, 0, std::nullopt}, {12, 0, std::nullopt}};
  driven.run(arrivals.data(), arrivals.data() + 2, 8);
  EXPECT_TRUE(driven.output.empty());
  driven.run(arrivals.data() + 2, arrivals.data() + 3, 8);
  EXPECT_EQ(driven.output, (Values{1}));
}

TEST(MergeByTime, EqualStampsKeepTheOrderInWhichTheyCame) {
  EXPECT_EQ(script("@3 b1 @3 a2 @3 b3 @3 a4 |", two_late), "1 2 3 4 |");
}

TEST(MergeByTime, AnEventThatEntersBothComesTwice) { EXPECT_EQ(script("c1 c2 |", two_late), "1 1 2 2 |"); }

TEST(MergeByTime, WhatComesTooLateIsDropped) {
  const Arrivals arrivals{{10, 0, 1.0}, {20, 0, 2.0}, {9, 1, 9.0}, {10, 1, 10.0}, {19, 1, 19.0}};
  DrivenByTwo driven(two_late);
  driven.run(arrivals.data(), arrivals.data() + arrivals.size(), 8);
  driven.end(30);
  EXPECT_EQ(driven.output, (Values{1, 10, 19, 2})) << "9 lies before 1, which is out; 10 has its stamp";
}

TEST(MergeByTime, WithoutLatenessNothingWaits) {
  EXPECT_EQ(script("@3 a3 @2 b2 @3 b33 @5 a5 |",
                   [](auto a, auto b) { return merge_by_time(0ns, std::move(a), std::move(b)); }),
            "3 33 5 |");
}

TEST(MergeByTime, AValueKeepsItsOwnStamp) {
  EXPECT_EQ(script("@5 a5 @4 b4 @9 a9 |",
                   [](auto a, auto b) { return merge_by_time(2ns, std::move(a), std::move(b)) | timestamp(); }),
            "4@4 5@5 9@9 |");
}

TEST(MergeByTime, WhenAsManyWaitAsMayTheEarliestGoesAtOnce) {
  const auto few = [](auto a, auto b) { return merge_by_time(1s, std::move(a), std::move(b), {.capacity = 2}); };
  const Arrivals arrivals{{10, 0, 1.0}, {12, 0, 2.0}, {11, 1, 3.0}, {9, 1, 4.0}, {13, 1, 5.0}};
  DrivenByTwo driven(few);
  driven.run(arrivals.data(), arrivals.data() + 2, 8);
  EXPECT_TRUE(driven.output.empty());
  driven.run(arrivals.data() + 2, arrivals.data() + arrivals.size(), 8);
  EXPECT_EQ(driven.output, (Values{1, 3}));
  driven.end(20);
  EXPECT_EQ(driven.output, (Values{1, 3, 2, 5})) << "9 ns came when 10 ns was out";
}

TEST(MergeByTime, WhereThereIsNoRoomOneThatIsEarlierThanAllThatWaitGoesItself) {
  const auto few = [](auto a, auto b) {
    return merge_by_time(1s, std::move(a), std::move(b), {.capacity = 2}) | timestamp() |
           map([](const auto& t) { return static_cast<double>(t.stamp); });
  };
  const Arrivals arrivals{{10, 0, 1.0}, {12, 0, 2.0}, {7, 1, 3.0}, {8, 1, 4.0}};
  DrivenByTwo driven(few);
  driven.run(arrivals.data(), arrivals.data() + arrivals.size(), 8);
  EXPECT_EQ(driven.output, (Values{7, 8})) << "and not 10, behind which they would be out of order";
  driven.end(20);
  EXPECT_EQ(driven.output, (Values{7, 8, 10, 12}));
}

TEST(MergeByTime, AnyLatenessAndAnyStampGoTogether) {
  const auto always = [](auto a, auto b) {
    return merge_by_time(std::chrono::nanoseconds::max(), std::move(a), std::move(b));
  };
  const Arrivals arrivals{
      {-5, 0, 1.0}, {std::numeric_limits<Nanoseconds>::min() + 5, 1, 2.0}, {0, 0, 3.0}, {7, 1, std::nullopt}};
  DrivenByTwo driven(always);
  driven.run(arrivals.data(), arrivals.data() + arrivals.size(), 1);
  driven.end(8);
  EXPECT_EQ(driven.output, (Values{2, 1, 3}));
}

TEST(MergeByTime, AnInputThatEndsHoldsNothingUp) {
  EXPECT_EQ(script("@1 a1 @2 b2 @5 b5 @9 b9 |",
                   [](auto a, auto b) { return merge_by_time(2ns, std::move(a) | take(1), std::move(b)); }),
            "1 2 5 9 |");
}

TEST(MergeByTime, WhenBothHaveEndedWhatWaitsIsEmitted) {
  EXPECT_EQ(script("@2 a2 @1 b1 @9 a9 |",
                   [](auto a, auto b) { return merge_by_time(5ns, std::move(a) | take(1), std::move(b) | take(1)); }),
            "1 2 |");
}

TEST(MergeByTime, ATakeBehindItEndsAllInTheMiddleOfWhatComesAtOnce) {
  EXPECT_EQ(script("@1 a1 @2 a2 @3 a3 @9 b9 |",
                   [](auto a, auto b) { return merge_by_time(2ns, std::move(a), std::move(b)) | take(2); }),
            "1 2 |");
}

TEST(MergeByTime, EndedByItsHandleWhatWaitsIsDropped) { EXPECT_EQ(script("@1 a1 @1 a1 ! b2 |", two_late), ""); }

TEST(MergeByTime, AnErrorBeforeOrBehindItFailsThePipeline) {
  EXPECT_EQ(script("@1 a1 @9 a9 x |", two_late), "1 #");
  EXPECT_EQ(script("@1 a1 @9 a9 y |", two_late), "1 #");
  EXPECT_EQ(script("@1 a1 @2 b2 @9 a9 |",
                   [](auto a, auto b) { return merge_by_time(2ns, std::move(a), std::move(b)) | map(ThrowsAt{2}); }),
            "1 #");
}

TEST(MergeByTime, RefusesNegativeLatenessNoRoomAndDifferentBuses) {
  Bus bus({.thread = false}), other({.thread = false});
  EXPECT_THROW((void)merge_by_time(-1ns, input_of<Number>(bus), input_of<Number>(bus)), OperatorError);
  EXPECT_THROW((void)merge_by_time(1ns, input_of<Number>(bus), input_of<Number>(bus), {.capacity = 0}), OperatorError);
  EXPECT_NO_THROW((void)merge_by_time(1ns, input_of<Number>(bus), input_of<Number>(bus), {.capacity = 1}));
  EXPECT_THROW((void)merge_by_time(1ns, input_of<Number>(bus), input_of<Number>(other)), OperatorError);
}

TEST(MergeByTime, StandsBeforeObserveOn) {
  EXPECT_EQ(script("@2 a2 @1 b1 @9 a9 |",
                   [](auto a, auto b) { return merge_by_time(2ns, std::move(a), std::move(b)) | observe_on(io); }),
            "1 2 9 |");
}

TEST(MergeByTime, DependsOnAClock) { EXPECT_TRUE(DrivenByTwo(two_late).handle()->options().wall_time); }

TEST(MergeByTime, AHandlerMayPublishWhatItListensTo) {
  EXPECT_EQ(answered(3, [](auto a, auto b) { return merge_by_time(0ns, std::move(a), std::move(b)); }),
            "1 1 11 11 2 2 12 12 ");
}

struct Stamped {
  Nanoseconds stamp;
  double value;
};
TEST(MergeByTime, IsWhatItsReferenceSays) {
  const auto reference = [](std::size_t capacity) {
    return [capacity](const Arrivals& arrivals, bool over) {
      std::vector<Stamped> waiting;  // by stamp, then as they came
      Nanoseconds newest = std::numeric_limits<Nanoseconds>::min(), out_to = newest;
      Values out;
      std::vector<Nanoseconds> stamps;
      const auto emit = [&] {
        out.push_back(waiting.front().value);
        stamps.push_back(out_to = waiting.front().stamp);
        waiting.erase(waiting.begin());
      };
      for (const Arrival& one : arrivals) {
        for (int times = 0; times < (!one.value ? 0 : one.which == 2 ? 2 : 1); ++times) {
          if (one.at < out_to) continue;
          waiting.push_back({one.at, *one.value});
          std::stable_sort(waiting.begin(), waiting.end(),
                           [](const Stamped& a, const Stamped& b) { return a.stamp < b.stamp; });
          if (waiting.size() > capacity) emit();
          newest = std::max(newest, one.at);
          while (!waiting.empty() && waiting.front().stamp <= newest - 2) emit();
        }
        newest = std::max(newest, one.value ? newest : one.at);
        while (!waiting.empty() && waiting.front().stamp <= newest - 2) emit();
      }
      while (over && !waiting.empty()) emit();
      return Said(out, stamps);
    };
  };
  compare(two_late, reference(1024));
  compare([](auto a, auto b) { return merge_by_time(2ns, std::move(a), std::move(b), {.capacity = 2}); }, reference(2));
}

TEST(MergeByTime, SavesWhatWaits) {
  expect_same_at_every_cut("merge_by_time", two_late);
  expect_same_at_every_cut("merge_by_time for long", [](auto a, auto b) {
    return merge_by_time(6ns, std::move(a) | take(6), std::move(b), {.capacity = 4}) | every(2);
  });
  expect_words_for_damage("merge_by_time", two_late);
}

TEST(MergeByTime, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases_of_two(two_late); }

}  // namespace
