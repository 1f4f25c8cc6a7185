#include "operators/two_inputs.hpp"

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

constexpr auto last_word = [](std::string_view) { return -1.0; };
constexpr auto caught = [](auto in) { return std::move(in) | catch_error(last_word); };
/// Throws at 2, catches, goes on.
constexpr auto throws_at_two = [](auto in) { return std::move(in) | map(ThrowsAt{2}) | catch_error(last_word); };

TEST(CatchError, EmitsAValueInsteadAndEnds) { EXPECT_EQ(script("a1 a2 a3 |", throws_at_two), "1 -1 |"); }

TEST(CatchError, WithoutAnErrorNothingHappens) {
  EXPECT_EQ(script("|", caught), "|");
  EXPECT_EQ(script("a1 |", caught), "1 |");
  EXPECT_EQ(script("a1 a3 |", throws_at_two), "1 3 |");
}

TEST(CatchError, CatchesWhatTheFirstStageThrows) { EXPECT_EQ(script("a1 x a2 |", caught), "1 -1 |"); }

TEST(CatchError, HearsWhatIsSaid) {
  std::string heard;
  EXPECT_EQ(script("a1 a2 |",
                   [&](auto in) {
                     return std::move(in) | map(ThrowsAt{2}) |
                            catch_error([&](std::string_view what) { return heard = what, 9.0; });
                   }),
            "1 9 |");
  EXPECT_EQ(heard, "thrown at 2");
}

TEST(CatchError, CatchesWhatIsNoStdException) {
  std::string heard;
  (void)script("a1 |", [&](auto in) {
    return std::move(in) | map([](double x) -> double { return x > 0 ? throw 7 : x; }) |
           catch_error([&](std::string_view what) { return heard = what, 9.0; });
  });
  EXPECT_FALSE(heard.empty());
}

TEST(CatchError, WhatIsThrownBehindItIsNoneOfItsBusiness) {
  EXPECT_EQ(script("a1 a2 a3 |", [](auto in) { return caught(std::move(in)) | map(ThrowsAt{2}); }), "1 #");
  EXPECT_EQ(script("a1 a2 a3 |",
                   [](auto in) {
                     return caught(std::move(in)) | map(ThrowsAt{2}) | map(ThrowsAt{1}) |
                            catch_error([](std::string_view) { return -2.0; });
                   }),
            "-2 |")
      << "another one further on catches it";
}

TEST(CatchError, WhatItsFunctorThrowsFailsThePipeline) {
  EXPECT_EQ(script("a1 a2 a3 |",
                   [](auto in) {
                     return std::move(in) | map(ThrowsAt{2}) |
                            catch_error([](std::string_view) -> double { throw std::runtime_error("f"); });
                   }),
            "1 #");
}

TEST(CatchError, WhatItsFunctorThrowsGoesToOneFurtherOnAndTheNextErrorIsItsOwnAgain) {
  int calls = 0;
  EXPECT_EQ(script("a1 a2 a2 a3 |",
                   [&](auto in) {
                     return std::move(in) | map(ThrowsAt{2}) | catch_error([&](std::string_view) -> double {
                              return ++calls == 1 ? throw std::runtime_error("f") : -1.0;
                            }) |
                            on_error_continue([](std::string_view) {});
                   }),
            "1 -1 |");
  EXPECT_EQ(calls, 2);
}

TEST(CatchError, WhatIsThrownAtItsLastValueEndsTheStreamWhereThatIsCaught) {
  EXPECT_EQ(script("a1 a2 a3 |",
                   [](auto in) {
                     return throws_at_two(std::move(in)) | map(ThrowsAt{-1}) |
                            on_error_continue([](std::string_view) {});
                   }),
            "1 |");
  EXPECT_EQ(script("a1 a2 a3 |", [](auto in) { return throws_at_two(std::move(in)) | map(ThrowsAt{-1}); }), "1 #");
}

TEST(CatchError, AWindowBehindItEmitsWhatItHas) {
  EXPECT_EQ(script("a1 a2 a3 |", [](auto in) { return throws_at_two(std::move(in)) | window(count(5)) | sum(); }),
            "0 |");
}

TEST(CatchError, AWindowBetweenTheErrorAndItIsNotFlushed) {
  EXPECT_EQ(script("a1 a2 a3 |",
                   [](auto in) {
                     return std::move(in) | map(ThrowsAt{2}) | window(count(5)) | sum() | catch_error(last_word);
                   }),
            "-1 |");
}

TEST(CatchError, CatchesWhatIsThrownAtTheEnd) {
  EXPECT_EQ(script("a1 a3 |",
                   [](auto in) {
                     return std::move(in) | window(count(5)) | sum() | map(ThrowsAt{4}) | catch_error(last_word);
                   }),
            "-1 |");
}

TEST(CatchError, CatchesWhatIsThrownOnATick) {
  EXPECT_EQ(script("a1 t t t a3 |",
                   [](auto in) { return std::move(in) | debounce(2ns) | map(ThrowsAt{1}) | catch_error(last_word); }),
            "-1 |");
}

TEST(CatchError, TakesWhatConvertsToItsValues) {
  EXPECT_EQ(script("a1 b1 a2 a3 |",
                   [](auto a, auto b) {
                     return combine_latest(
                         std::move(a) | map(ThrowsAt{2}) | catch_error([](std::string_view) { return 7; }),
                         std::move(b), std::plus<>());
                   }),
            "2 8 |");
}

TEST(CatchError, InOneInputOfAMergeItEndsThatAlone) {
  EXPECT_EQ(script("a1 b1 x b2 a3 |", [](auto a, auto b) { return merge(caught(std::move(a)), std::move(b)); }),
            "1 1 -1 2 |");
  EXPECT_EQ(script("a1 b1 x b2 y |",
                   [](auto a, auto b) { return merge(std::move(a), std::move(b)) | catch_error(last_word); }),
            "1 1 -1 |");
}

TEST(CatchError, ATakeBehindAndBeforeIt) {
  EXPECT_EQ(script("a1 a3 a2 |", [](auto in) { return throws_at_two(std::move(in)) | take(1); }), "1 |");
  EXPECT_EQ(script("a1 a2 |", [](auto in) { return throws_at_two(std::move(in) | take(1)); }), "1 |");
}

TEST(CatchError, EndedByItsHandleItSaysNothing) { EXPECT_EQ(script("a1 ! a2 |", throws_at_two), "1"); }

TEST(CatchError, BehindObserveOnItCatchesWhatIsThrownThere) {
  EXPECT_EQ(script("a1 a2 a3 |", [](auto in) { return throws_at_two(std::move(in) | observe_on(io)); }), "1 -1 |");
  EXPECT_EQ(script("a1 a2 a3 |", [](auto in) { return throws_at_two(std::move(in)) | observe_on(io); }), "1 -1 |");
  EXPECT_EQ(script("a1 a2 a3 |",
                   [](auto in) { return std::move(in) | map(ThrowsAt{2}) | observe_on(io) | catch_error(last_word); }),
            "1 #")
      << "and not what is thrown before";
}

TEST(CatchError, AHandlerMayPublishWhatItListensTo) {
  EXPECT_EQ(answered(3, [](auto a, auto) { return caught(std::move(a)); }), "1 11 2 12 ");
}

TEST(CatchError, IsWhatItsReferenceSays) {
  compare(throws_at_two, [](const Moments& stream) {
    Values out;
    for (const double x : values_of(stream)) {
      out.push_back(x == 2 ? -1 : x);
      if (x == 2) return Said(out, Said::End::by_itself);
    }
    return Said(out);
  });
}

TEST(CatchError, ItsPipelineIsSaved) {
  const auto chain = [](auto in) {
    return std::move(in) | every(2) | map(ThrowsAt{2}) | catch_error(last_word) | scan(0.0, std::plus<>());
  };
  expect_same_at_every_cut("catch_error", chain);
  expect_words_for_damage("catch_error", chain);
}

}  // namespace
