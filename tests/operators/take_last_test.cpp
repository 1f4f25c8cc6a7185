#include "operators/cut.hpp"
#include "operators/drawn.hpp"
#include "operators/endings.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <sidestep/operators/last.hpp>
#include <sidestep/operators/take_last.hpp>

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;

const auto last_two = [](auto in) { return std::move(in) | take_last(2); };

TEST(TakeLast, EmitsThemInTheirOrderWhenTheStreamEnds) { EXPECT_EQ(marble("1234-|", last_two), "5:3 5:4 5:|"); }

TEST(TakeLast, AShorterStreamIsEmittedWhole) {
  EXPECT_EQ(marble("1--|", last_two), "3:1 3:|");
  EXPECT_EQ(marble("12-|", last_two), "3:1 3:2 3:|");
  EXPECT_EQ(marble("---|", last_two), "3:|");
}

TEST(TakeLast, ZeroEmitsNothing) {
  EXPECT_EQ(marble("12|", [](auto in) { return std::move(in) | take_last(0); }), "2:|");
}

TEST(TakeLast, OneIsLast) {
  EXPECT_EQ(marble("123|", [](auto in) { return std::move(in) | take_last(1); }),
            marble("123|", [](auto in) { return std::move(in) | last(); }));
}

TEST(TakeLast, NaNCountsAsAValue) {
  const auto nan_at_two = map([](double x) { return x == 2 ? std::nan("") : x; });
  EXPECT_EQ(marble("123|", [&](auto in) { return std::move(in) | nan_at_two | take_last(2); }), "3:nan 3:3 3:|");
}

TEST(TakeLast, TheStreamMayEndBeforeIt) {
  EXPECT_EQ(marble("1234|", [](auto in) { return std::move(in) | take(3) | take_last(2); }), "2:2 2:3 2:|");
}

TEST(TakeLast, MayBeEndedByWhatFollowsInTheMidst) {
  EXPECT_EQ(marble("1234|", [](auto in) { return std::move(in) | take_last(3) | take(2); }), "4:2 4:3 4:|");
  EXPECT_EQ(marble("1234|", [](auto in) { return std::move(in) | take_last(3) | take_last(2); }), "4:3 4:4 4:|");
}

TEST(TakeLast, WindowsAreCutOfWhatItEmits) {
  EXPECT_EQ(marble("1234|", [](auto in) { return std::move(in) | take_last(3) | window(count(2)) | sum(); }),
            "4:5 4:4 4:|");
  EXPECT_EQ(marble("12345|", [](auto in) { return std::move(in) | window(count(2)) | sum() | take_last(2); }),
            "5:7 5:5 5:|");
}

TEST(TakeLast, EmitsNothingWhenItIsUnsubscribedOrFails) {
  EXPECT_EQ(unsubscribed("12!3|", last_two), "");
  EXPECT_EQ(drawn<1>({"-1-#|"}, last_two), "---#");
}

TEST(TakeLast, KeepsTheEventsAndNotTheirSlots) {
  EXPECT_EQ(of_two_types(99, [](auto in) { return std::move(in) | take_last(3) | map(number_of); }),
            (Values{97, -98, 99}));
}

TEST(TakeLast, KeepsTextsToo) {
  EXPECT_EQ(drawn<1>({"-1-2-3|"},
                     [](auto in) {
                       return std::move(in) | map([](double x) {
                                return std::string(40, static_cast<char>('a' + static_cast<int>(x)));
                              }) |
                              take_last(2) | map([](const std::string& text) { return text.substr(38); });
                     }),
            "------ccdd|");
}

TEST(TakeLast, RefusesABoundThatIsNone) {
  EXPECT_THROW(take_last(-1), OperatorError);
  EXPECT_THROW(take_last((std::int64_t{1} << 30) + 1), OperatorError);
}

TEST(TakeLast, IsWhatAReferenceMakesOfRandomStreams) {
  for (const std::size_t n : {0, 1, 3, 50})
    compare([n](auto in) { return std::move(in) | take_last(static_cast<std::int64_t>(n)); },
            [n](const Moments& s, bool over) {
              if (!over) return Values{};
              const Values all = values_of(s);
              return Values(all.end() - static_cast<std::ptrdiff_t>(std::min(n, all.size())), all.end());
            });
}

TEST(TakeLast, GoesOnFromAnyCut) {
  expect_same_at_every_cut("take_last", last_two);
  expect_words_for_damage("take_last", last_two);
}

TEST(TakeLast, TakesNoStateOfAnotherLength) {
  const Moments stream{{1, 1.0}, {2, 2.0}, {3, 3.0}};
  for (const int values : {1, 3}) {
    Driven greater([](auto in) { return std::move(in) | take_last(3); });
    greater.run(stream.data(), stream.data() + values, 8);
    States states = greater.save();
    Driven smaller(last_two);
    smaller.load(states);
    EXPECT_TRUE(smaller.handle()->failed()) << values;
  }
}

TEST(TakeLast, DescribesItself) { EXPECT_EQ(described(last_two)[3], "take_last(2)"); }

TEST(TakeLast, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(last_two); }

}  // namespace
