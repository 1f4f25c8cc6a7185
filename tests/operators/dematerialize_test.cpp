#include "operators/cut.hpp"
#include "operators/drawn.hpp"
#include "operators/endings.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <sidestep/operators/dematerialize.hpp>
#include <sidestep/operators/materialize.hpp>
#include <sidestep/operators/start_with.hpp>

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;

struct EndAtThree {
  Notification<double> operator()(double x) const { return x == 3 ? Notification<double>{} : Notification<double>{x}; }
};
const auto up_to_a_three = [](auto in) { return std::move(in) | map(EndAtThree{}) | dematerialize(); };
const auto there_and_back = [](auto in) { return std::move(in) | materialize() | dematerialize(); };

TEST(Dematerialize, EmitsValuesAndEndsWithTheCompletion) {
  EXPECT_EQ(marble("1-2-3-4|", up_to_a_three), "0:1 2:2 4:|");
  EXPECT_EQ(marble("3-4|", up_to_a_three), "0:|");
}

TEST(Dematerialize, EndsWithTheStreamToo) {
  EXPECT_EQ(marble("1-2-|", up_to_a_three), "0:1 2:2 4:|");
  EXPECT_EQ(marble("--|", up_to_a_three), "2:|");
}

TEST(Dematerialize, UndoesMaterialize) {
  EXPECT_EQ(marble("1-2-|", there_and_back), "0:1 2:2 4:|");
  EXPECT_EQ(marble("--|", there_and_back), "2:|");
  EXPECT_EQ(marble("1-2-|", [](auto in) { return std::move(in) | take(1) | materialize() | dematerialize(); }),
            "0:1 0:|");
}

TEST(Dematerialize, NothingFollowsACompletionThatComesWithOthers) {
  using N = Notification<double>;
  EXPECT_EQ(
      marble("1|",
             [](auto in) { return std::move(in) | materialize() | start_with(N{7}, N{}, N{8}) | dematerialize(); }),
      "0:7 0:|");
}

TEST(Dematerialize, NaNIsAValue) {
  EXPECT_EQ(marble("1|",
                   [](auto in) {
                     return std::move(in) | map([](double) { return std::nan(""); }) | materialize() | dematerialize();
                   }),
            "0:nan 1:|");
}

TEST(Dematerialize, LetsAWindowBehindItEmitWhatItHas) {
  EXPECT_EQ(
      marble("1-3-4|",
             [](auto in) { return std::move(in) | map(EndAtThree{}) | dematerialize() | window(count(2)) | sum(); }),
      "2:1 2:|");
}

TEST(Dematerialize, MayBeEndedByWhatFollows) {
  EXPECT_EQ(marble("1-2|", [](auto in) { return std::move(in) | materialize() | dematerialize() | take(1); }),
            "0:1 0:|");
}

TEST(Dematerialize, MayBeUnsubscribedOrFail) {
  EXPECT_EQ(unsubscribed("1!2|", there_and_back), "1");
  EXPECT_EQ(drawn<1>({"-1-#|"}, there_and_back), "-1-#");
}

TEST(Dematerialize, TakesNotificationsAlone) {
  static_assert(Accepts<dematerialize, Notification<double>>);
  static_assert(!Accepts<dematerialize, double>);
}

TEST(Dematerialize, OfSeveralTypesToo) {
  EXPECT_EQ(of_two_types(3, [](auto in) { return std::move(in) | materialize() | dematerialize() | map(number_of); }),
            (Values{1, -2, 3}));
}

TEST(Dematerialize, IsWhatAReferenceMakesOfRandomStreams) {
  compare(up_to_a_three, [](const Moments& s) {
    Values out;
    for (const double x : values_of(s)) {
      if (x == 3) return Said(out, Said::End::by_itself);
      out.push_back(x);
    }
    return Said(out);
  });
  compare(there_and_back, values_of);
}

TEST(Dematerialize, GoesOnFromAnyCut) {
  expect_same_at_every_cut("dematerialize", up_to_a_three);
  expect_same_at_every_cut("materialize, dematerialize", there_and_back);
  expect_words_for_damage("dematerialize", up_to_a_three);
}

TEST(Dematerialize, ItsStateSaysThatItIsOver) {
  using N = Notification<double>;
  EXPECT_EQ(reloaded_between(dematerialize(), dematerialize(), std::vector<N>{N{1}, N{}}, std::vector<N>{N{2}}),
            Values{1});
  EXPECT_EQ(reloaded_between(dematerialize(), dematerialize(), std::vector<N>{N{1}}, std::vector<N>{N{2}}),
            (Values{1, 2}));
}

TEST(Dematerialize, DescribesItself) { EXPECT_EQ(described(there_and_back)[5], "dematerialize"); }

TEST(Dematerialize, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(up_to_a_three); }

}  // namespace
