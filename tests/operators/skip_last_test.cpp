#include "operators/cut.hpp"
#include "operators/drawn.hpp"
#include "operators/endings.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <sidestep/operators/skip_last.hpp>
#include <sidestep/operators/start_with.hpp>

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;

const auto without_last_two = [](auto in) { return std::move(in) | skip_last(2); };

TEST(SkipLast, EmitsAValueWhenSoManyMoreHaveCome) { EXPECT_EQ(marble("-1-2-3-4-|", without_last_two), "5:1 7:2 9:|"); }

TEST(SkipLast, OfAShorterStreamNothingIsLeft) {
  EXPECT_EQ(marble("12|", without_last_two), "2:|");
  EXPECT_EQ(marble("1|", without_last_two), "1:|");
  EXPECT_EQ(marble("-|", without_last_two), "1:|");
}

TEST(SkipLast, ZeroDropsNothing) {
  EXPECT_EQ(marble("12|", [](auto in) { return std::move(in) | skip_last(0); }), "0:1 1:2 2:|");
}

TEST(SkipLast, NaNCountsAsAValue) {
  const auto nan_at_one = map([](double x) { return x == 1 ? std::nan("") : x; });
  EXPECT_EQ(marble("123|", [&](auto in) { return std::move(in) | nan_at_one | skip_last(2); }), "2:nan 3:|");
}

TEST(SkipLast, BetweenTakes) {
  EXPECT_EQ(marble("12345|", [](auto in) { return std::move(in) | take(4) | skip_last(2); }), "2:1 3:2 3:|");
  EXPECT_EQ(marble("12345|", [](auto in) { return std::move(in) | skip_last(2) | take(1); }), "2:1 2:|");
}

TEST(SkipLast, OfSeveralValuesThatOneEventBringsEachPushesOneOut) {
  EXPECT_EQ(marble("1|", [](auto in) { return std::move(in) | start_with(7, 8, 9) | skip_last(2); }), "0:7 0:8 1:|");
}

TEST(SkipLast, TheOpenWindowIsTheLastThatIsSkipped) {
  EXPECT_EQ(marble("12345|", [](auto in) { return std::move(in) | window(count(2)) | sum() | skip_last(1); }),
            "3:3 5:7 5:|");
  EXPECT_EQ(marble("1234|", [](auto in) { return std::move(in) | skip_last(1) | window(count(2)) | sum(); }),
            "2:3 4:3 4:|");
}

TEST(SkipLast, MayBeEndedFromOutsideOrFail) {
  EXPECT_EQ(unsubscribed("123!4|", without_last_two), "1");
  EXPECT_EQ(drawn<1>({"123#|"}, without_last_two), "--1#");
}

TEST(SkipLast, KeepsTheEventsAndNotTheirSlots) {
  Values expected;
  for (int i = 1; i <= 89; ++i) expected.push_back(i % 2 == 1 ? i : -i);
  EXPECT_EQ(of_two_types(99, [](auto in) { return std::move(in) | skip_last(10) | map(number_of); }), expected);
}

TEST(SkipLast, RefusesABoundThatIsNone) {
  EXPECT_THROW(skip_last(-1), OperatorError);
  EXPECT_THROW(skip_last((std::int64_t{1} << 30) + 1), OperatorError);
}

TEST(SkipLast, IsWhatAReferenceMakesOfRandomStreams) {
  for (const std::size_t n : {0, 1, 3, 50})
    compare([n](auto in) { return std::move(in) | skip_last(static_cast<std::int64_t>(n)); },
            [n](const Moments& s) {
              const Values all = values_of(s);
              return Values(all.begin(), all.end() - static_cast<std::ptrdiff_t>(std::min(n, all.size())));
            });
}

TEST(SkipLast, GoesOnFromAnyCut) {
  expect_same_at_every_cut("skip_last", without_last_two);
  expect_same_at_every_cut("skip_last(0)", [](auto in) { return std::move(in) | skip_last(0); });
  expect_words_for_damage("skip_last", without_last_two);
}

TEST(SkipLast, TakesNoStateOfMoreValuesThanItKeeps) {
  const Moments stream{{1, 1.0}, {2, 2.0}, {3, 3.0}};
  Driven greater([](auto in) { return std::move(in) | skip_last(3); });
  greater.run(stream.data(), stream.data() + 3, 8);
  States states = greater.save();
  Driven smaller(without_last_two);
  smaller.load(states);
  EXPECT_TRUE(smaller.handle()->failed());
}

TEST(SkipLast, DescribesItself) { EXPECT_EQ(described(without_last_two)[3], "skip_last(2)"); }

TEST(SkipLast, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(without_last_two); }

}  // namespace
