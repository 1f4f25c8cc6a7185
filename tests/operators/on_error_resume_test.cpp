#include "operators/two_inputs.hpp"

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

constexpr auto resumed = [](auto a, auto b) { return std::move(a) | map(ThrowsAt{2}) | on_error_resume(std::move(b)); };

TEST(OnErrorResume, GoesOnWithTheOther) { EXPECT_EQ(script("a1 b8 a2 b9 a3 |", resumed), "1 9 |"); }

TEST(OnErrorResume, WithoutAnErrorTheOtherIsNeverHeard) {
  EXPECT_EQ(script("|", resumed), "|");
  EXPECT_EQ(script("a1 b8 a3 |", resumed), "1 3 |");
  EXPECT_EQ(script("b8 b9 |", resumed), "|");
}

TEST(OnErrorResume, TakesWhatTheFirstStageThrows) {
  EXPECT_EQ(script("a1 x b9 |", [](auto a, auto b) { return std::move(a) | on_error_resume(std::move(b)); }), "1 9 |");
}

TEST(OnErrorResume, TheEventAtWhichItThrewIsTheOthersIfItEntersBoth) {
  EXPECT_EQ(script("c1 c2 c3 |", resumed), "1 2 3 |");
}

TEST(OnErrorResume, WhatTheOtherThrowsFailsThePipeline) {
  EXPECT_EQ(script("a1 a2 b9 y |", resumed), "1 9 #");
  EXPECT_EQ(script("a1 y |", resumed), "1 #") << "while it isn't heard too";
}

TEST(OnErrorResume, WhatIsThrownBehindItFailsThePipeline) {
  EXPECT_EQ(script("a1 a3 |", [](auto a, auto b) { return resumed(std::move(a), std::move(b)) | map(ThrowsAt{3}); }),
            "1 #");
  EXPECT_EQ(script("a1 a2 b3 |", [](auto a, auto b) { return resumed(std::move(a), std::move(b)) | map(ThrowsAt{3}); }),
            "1 #");
}

TEST(OnErrorResume, AnErrorAtTheEndIsTakenToo) {
  EXPECT_EQ(script("a1 a3 a5 b8 |",
                   [](auto a, auto b) {
                     return std::move(a) | take(2) | window(count(5)) | sum() | map(ThrowsAt{4}) |
                            on_error_resume(std::move(b));
                   }),
            "8 |");
}

TEST(OnErrorResume, AnErrorOnATickIsTakenToo) {
  EXPECT_EQ(script("a1 t t t b8 |",
                   [](auto a, auto b) {
                     return std::move(a) | debounce(2ns) | map(ThrowsAt{1}) | on_error_resume(std::move(b));
                   }),
            "8 |");
}

TEST(OnErrorResume, EndsWithTheOneThatItLetsPass) {
  EXPECT_EQ(script("a1 b8 a3 |", [](auto a, auto b) { return resumed(std::move(a) | take(1), std::move(b)); }), "1 |");
  EXPECT_EQ(script("a1 a2 b8 b9 a3 |", [](auto a, auto b) { return resumed(std::move(a), std::move(b) | take(1)); }),
            "1 8 |");
  EXPECT_EQ(script("b8 a1 a2 b9 |", [](auto a, auto b) { return resumed(std::move(a), std::move(b) | take(1)); }),
            "1 |")
      << "the other had ended before";
}

TEST(OnErrorResume, EndsAtOnceNotWithTheNextEvent) {
  EXPECT_EQ(script("a1 ? b8 |", [](auto a, auto b) { return resumed(std::move(a) | take(1), std::move(b)); }),
            "1 | over");
  EXPECT_EQ(script("a1 a2 ? b8 ? |", [](auto a, auto b) { return resumed(std::move(a), std::move(b) | take(1)); }),
            "1 on 8 | over");
  EXPECT_EQ(script("b8 a1 ? a2 ? |", [](auto a, auto b) { return resumed(std::move(a), std::move(b) | take(1)); }),
            "1 on | over");
}

TEST(OnErrorResume, AWindowBehindItGoesOnAndEmitsWhatItHas) {
  EXPECT_EQ(script("a1 a2 b8 b9 |",
                   [](auto a, auto b) { return resumed(std::move(a), std::move(b)) | window(count(2)) | sum(); }),
            "9 9 |");
}

TEST(OnErrorResume, ATakeBehindItEndsAll) {
  EXPECT_EQ(script("a1 a2 b8 b9 |", [](auto a, auto b) { return resumed(std::move(a), std::move(b)) | take(2); }),
            "1 8 |");
}

TEST(OnErrorResume, EndedByItsHandleItEmitsNothingMore) { EXPECT_EQ(script("a1 a2 b8 ! b9 |", resumed), "1 8"); }

TEST(OnErrorResume, OneBehindAnother) {
  EXPECT_EQ(script("a1 a2 b5 b7 a9 |",
                   [](auto a, auto b) {
                     Bus* const bus = bus_of(a);
                     return std::move(a) | map(ThrowsAt{2}) | on_error_resume(std::move(b) | map(ThrowsAt{7})) |
                            on_error_resume(input_of<Number>(*bus));
                   }),
            "1 5 9 |");
}

TEST(OnErrorResume, StandsBeforeObserveOn) {
  EXPECT_EQ(script("a1 a2 b8 |", [](auto a, auto b) { return resumed(std::move(a), std::move(b)) | observe_on(io); }),
            "1 8 |");
}

TEST(OnErrorResume, RefusesDifferentBuses) {
  Bus bus({.thread = false}), other({.thread = false});
  EXPECT_THROW((void)(input_of<Number>(bus) | on_error_resume(input_of<Number>(other))), OperatorError);
}

TEST(OnErrorResume, AHandlerMayPublishWhatItListensTo) { EXPECT_EQ(answered(3, resumed), "1 11 2 "); }

TEST(OnErrorResume, IsWhatItsReferenceSays) {
  compare(resumed, [](const Arrivals& arrivals) {
    Values out;
    bool failed = false;
    for (const Arrival& one : arrivals) {
      if (!one.value) continue;
      if (one.which != 1 && !failed) {
        failed = *one.value == 2;
        if (!failed) out.push_back(*one.value);
      }
      if (one.which != 0 && failed) out.push_back(*one.value);
    }
    return out;
  });
}

TEST(OnErrorResume, SavesWhichOfThemItIs) {
  expect_same_at_every_cut("on_error_resume", resumed);
  expect_words_for_damage("on_error_resume", resumed);
}

}  // namespace
