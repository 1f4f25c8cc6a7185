#include "operators/two_inputs.hpp"
#include "operators/usual_cases.hpp"

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

constexpr auto done = [](auto in) { return std::move(in) | completes(); };

TEST(Completes, SaysTrueWhenTheStreamEnds) {
  EXPECT_EQ(script("a1 a2 |", done), "true |");
  EXPECT_EQ(script("a1 |", done), "true |");
  EXPECT_EQ(script("|", done), "true |");
}

TEST(Completes, SaysItAtOnceWhenTheStreamEndsByItself) {
  std::string order;
  (void)script("a1 a2 a3 |", [&](auto in) {
    return std::move(in) | tap([&](double x) { order += text_of(x); }) | take(2) | completes() |
           tap([&](bool) { order += "t"; });
  });
  EXPECT_EQ(order, "12t");
}

TEST(Completes, SaysNothingWhenTheStreamFailsOrIsEndedByItsHandle) {
  EXPECT_EQ(script("a1 x |", done), "#");
  EXPECT_EQ(script("a1 ! |", done), "");
}

TEST(Completes, WhatIsThrownBehindItFailsThePipeline) {
  EXPECT_EQ(script("a1 |",
                   [](auto in) {
                     return std::move(in) | completes() |
                            map([](bool x) -> double { return x ? throw std::runtime_error("f") : 0.0; });
                   }),
            "#");
}

TEST(Completes, AWindowBeforeItIsFlushedIntoNothing) {
  EXPECT_EQ(script("a1 |", [](auto in) { return std::move(in) | window(count(3)) | sum() | completes(); }), "true |");
}

TEST(Completes, AStageBehindItSeesItAndItsEnd) {
  EXPECT_EQ(script("a1 |",
                   [](auto in) {
                     return std::move(in) | completes() | map([](bool x) { return x ? 7.0 : 0.0; }) | window(count(5)) |
                            sum();
                   }),
            "7 |");
  EXPECT_EQ(script("a1 |", [](auto in) { return std::move(in) | completes() | take(1); }), "true |");
}

TEST(Completes, AStreamThatIsEndedBehindItHasNotCompleted) {
  EXPECT_EQ(script("a1 |", [](auto in) { return std::move(in) | completes() | take(0); }), "|");
}

TEST(Completes, OfAnInputThatEndsBeforeTheOther) {
  EXPECT_EQ(script("a1 b1 a2 |",
                   [](auto a, auto b) {
                     return merge(std::move(a) | take(1) | completes() | map([](bool) { return 0.0; }), std::move(b));
                   }),
            "0 1 |");
}

TEST(Completes, BehindAndBeforeObserveOn) {
  EXPECT_EQ(script("a1 |", [](auto in) { return std::move(in) | observe_on(io) | completes(); }), "true |");
  EXPECT_EQ(script("a1 |", [](auto in) { return std::move(in) | completes() | observe_on(io); }), "true |");
}

TEST(Completes, IsWhatItsReferenceSays) {
  compare([](auto in) { return std::move(in) | take(4) | completes() | map([](bool x) { return x ? 1.0 : 0.0; }); },
          [](const Moments& s, bool over) {
            const bool ended = values_of(s).size() >= 4;
            return Said(ended || over ? Values{1} : Values{}, ended ? Said::End::by_itself : Said::End::not_yet);
          });
}

TEST(Completes, HasNoStateAndSaysItOnce) {
  const auto chain = [](auto in) {
    return std::move(in) | take(4) | completes() | map([](bool x) { return x ? 1.0 : 0.0; });
  };
  expect_same_at_every_cut("completes", chain);
  expect_words_for_damage("completes", chain);
}

TEST(Completes, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(done); }

}  // namespace
