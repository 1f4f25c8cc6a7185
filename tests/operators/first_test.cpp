#include "operators/cut.hpp"
#include "operators/drawn.hpp"
#include "operators/endings.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <sidestep/operators/first.hpp>
#include <sidestep/operators/start_with.hpp>

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;

struct IsThird {
  int seen = 0;
  bool operator()(double) { return ++seen == 3; }
  void state(auto& archive) { archive(seen); }
};
const auto the_first = [](auto in) { return std::move(in) | first(); };
const auto first_over_two = [](auto in) { return std::move(in) | first([](double x) { return x > 2; }); };

TEST(First, EndsTheStreamWithTheFirstValue) {
  EXPECT_EQ(marble("-1-2-3|", the_first), "1:1 1:|");
  EXPECT_EQ(marble("-1|", the_first), "1:1 1:|");
}

TEST(First, EmitsNothingWhereThereIsNone) {
  EXPECT_EQ(marble("---|", the_first), "3:|");
  EXPECT_EQ(marble("-1-2|", first_over_two), "4:|");
}

TEST(First, EmitsTheFirstThatThePredicateSaysTrueTo) {
  EXPECT_EQ(marble("-1-4-3|", first_over_two), "3:4 3:|");
  EXPECT_EQ(marble("-9-4|", first_over_two), "1:9 1:|");
}

TEST(First, NaNIsAValueThatComparesFalse) {
  EXPECT_EQ(drawn<1>({"-1-2|"},
                     [](auto in) {
                       return std::move(in) | map([](double x) { return x == 1 ? std::nan("") : x; }) | first();
                     }),
            "-nan|");
  EXPECT_EQ(drawn<1>({"-1-2|"},
                     [](auto in) {
                       return std::move(in) | map([](double x) { return x == 1 ? std::nan("") : x; }) |
                              first([](double x) { return x > 0; });
                     }),
            "---2|");
}

TEST(First, AsksNothingAfterIt) {
  EXPECT_EQ(
      marble("-1-2-3|",
             [](auto in) { return std::move(in) | first([](double x) { return x == 2 || (x > 2 && asked()); }); }),
      "3:2 3:|");
}

TEST(First, OfSeveralValuesThatOneEventBringsIsOne) {
  EXPECT_EQ(marble("-1-2|", [](auto in) { return std::move(in) | start_with(7, 8) | first(); }), "1:7 1:|");
  EXPECT_EQ(marble("---|", [](auto in) { return std::move(in) | start_with(7, 8) | first(); }), "3:7 3:|");
}

TEST(First, LetsAWindowBehindItEmitWhatItHas) {
  EXPECT_EQ(marble("-1-2|", [](auto in) { return std::move(in) | first() | window(count(2)) | sum(); }), "1:1 1:|");
}

TEST(First, AsksForTheFirstOfWhatAWindowMakes) {
  EXPECT_EQ(marble("-1-2-3-4|", [](auto in) { return std::move(in) | window(count(2)) | sum() | first(); }), "3:3 3:|");
  EXPECT_EQ(marble("-1|", [](auto in) { return std::move(in) | window(count(2)) | sum() | first(); }), "2:1 2:|");
}

TEST(First, MayBeEndedByWhatFollowsOrFromOutside) {
  EXPECT_EQ(marble("-1-2|", [](auto in) { return std::move(in) | first() | take(0); }), "1:|");
  EXPECT_EQ(unsubscribed("-1!-3|", first_over_two), "");
}

TEST(First, APredicateThatThrowsFailsThePipeline) {
  EXPECT_EQ(
      drawn<1>({"-1-2|"}, [](auto in) { return std::move(in) | first([](double x) { return x > 1 && asked(); }); }),
      "---#");
}

TEST(First, StaysOverWhenItIsLoaded) {
  const Moments stream{{1, 1.0}, {2, 2.0}};
  Driven whole(the_first);
  whole.run(stream.data(), stream.data() + 1, 8);
  EXPECT_EQ(whole.handle()->life(), Subscription::Life::completed);
  States states = whole.save();
  Driven resumed(the_first);
  resumed.load(states);
  resumed.run(stream.data(), stream.data() + 2, 8);
  EXPECT_TRUE(resumed.output.empty());
}

TEST(First, IsWhatAReferenceMakesOfRandomStreams) {
  compare(the_first, [](const Moments& s) {
    const Values all = values_of(s);
    return all.empty() ? Said(all) : Said({all[0]}, Said::End::by_itself);
  });
  compare(first_over_two, [](const Moments& s) {
    for (const double x : values_of(s))
      if (x > 2) return Said({x}, Said::End::by_itself);
    return Said(Values{});
  });
}

TEST(First, GoesOnFromAnyCut) {
  expect_same_at_every_cut("first", the_first);
  expect_same_at_every_cut("first(f)", first_over_two);
  expect_words_for_damage("first(f)", first_over_two);
}

TEST(First, SavesItsPredicatesState) {
  expect_same_at_every_cut("first(counting)", [](auto in) { return std::move(in) | first(IsThird{}); });
}

TEST(First, ItsStateSaysThatItIsOver) {
  EXPECT_EQ(reloaded_between(first(), first(), Values{1}, Values{2}), Values{1});
  EXPECT_EQ(reloaded_between(first(), first(), Values{}, Values{2}), Values{2});
}

TEST(First, DescribesItself) {
  EXPECT_EQ(described(the_first)[3], "first");
  EXPECT_EQ(described([](auto in) { return std::move(in) | first(not_finite); })[3], "first(not_finite)");
}

TEST(First, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(the_first); }

}  // namespace
