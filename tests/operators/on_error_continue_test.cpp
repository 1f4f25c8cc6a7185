#include "operators/two_inputs.hpp"

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

constexpr auto quiet = [](std::string_view) {};
constexpr auto continued_at_two = [](auto in) { return std::move(in) | map(ThrowsAt{2}) | on_error_continue(quiet); };

TEST(OnErrorContinue, DropsTheEventAndGoesOn) { EXPECT_EQ(script("a1 a2 a3 a2 a2 a4 |", continued_at_two), "1 3 4 |"); }

TEST(OnErrorContinue, WithoutAnErrorNothingHappens) {
  EXPECT_EQ(script("|", continued_at_two), "|");
  EXPECT_EQ(script("a1 |", continued_at_two), "1 |");
}

TEST(OnErrorContinue, IsToldEachTime) {
  std::string heard;
  EXPECT_EQ(script("a1 a2 x a3 |",
                   [&](auto in) {
                     return std::move(in) | map(ThrowsAt{2}) |
                            on_error_continue([&](std::string_view what) { heard.append(what) += "; "; });
                   }),
            "1 3 |");
  EXPECT_EQ(heard, "thrown at 2; the input throws; ");
}

TEST(OnErrorContinue, StagesBeforeTheErrorHaveSeenTheEventThoseBehindHaveNot) {
  EXPECT_EQ(script("a1 a2 a3 |",
                   [](auto in) {
                     return std::move(in) | scan(0.0, std::plus<>()) | map(ThrowsAt{3}) | scan(0.0, std::plus<>()) |
                            on_error_continue(quiet);
                   }),
            "1 7 |");
}

TEST(OnErrorContinue, OfSeveralValuesThatOneEventBringsTheOthersPass) {
  const auto first_of_three = [](auto in) {
    return std::move(in) | start_with(2.0, 8.0) | map(ThrowsAt{2}) | on_error_continue(quiet);
  };
  EXPECT_EQ(script("a1 a3 |", first_of_three), "8 1 3 |");
  const auto middle = [](auto in) {
    return std::move(in) | start_with(7.0, 2.0) | map(ThrowsAt{2}) | on_error_continue(quiet);
  };
  EXPECT_EQ(script("a1 a3 |", middle), "7 1 3 |");
  const auto further_on = [](auto in) {
    return std::move(in) | start_with(7.0, 2.0) | tap([](double) {}) | filter(is_finite) | map(ThrowsAt{2}) |
           scan(0.0, std::plus<>()) | on_error_continue(quiet);
  };
  EXPECT_EQ(script("a1 a3 |", further_on), "7 8 11 |");
}

TEST(OnErrorContinue, OfSeveralValuesAtTheEndTheOthersPass) {
  const auto last_ones = [](auto in) {
    return std::move(in) | take_last(3) | map(ThrowsAt{2}) | on_error_continue(quiet);
  };
  EXPECT_EQ(script("a1 a2 a3 |", last_ones), "1 3 |");
  EXPECT_EQ(script("a1 a3 a2 |", last_ones), "1 3 |");
}

TEST(OnErrorContinue, WithinASplitTheOthersPassToo) {
  const auto inner = [](auto in) {
    return std::move(in) | start_with(2.0, 8.0) | map(ThrowsAt{2}) | on_error_continue(quiet);
  };
  EXPECT_EQ(script("a1 a3 |", [&](auto in) { return std::move(in) | share(inner); }), "8 1 3 |");
  EXPECT_EQ(script("a1 a3 a4 |", [&](auto in) { return std::move(in) | share(inner) | map(ThrowsAt{3}); }), "8 1 #")
      << "what is thrown outside is the outside's";
}

TEST(OnErrorContinue, BehindACatchErrorItIsNotAsked) {
  std::string heard;
  EXPECT_EQ(script("a1 a3 |",
                   [&](auto in) {
                     return std::move(in) | start_with(2.0, 8.0) | map(ThrowsAt{2}) |
                            catch_error([](std::string_view) { return 5.0; }) |
                            on_error_continue([&](std::string_view) { heard += "asked"; });
                   }),
            "5 |");
  EXPECT_EQ(heard, "");
}

TEST(OnErrorContinue, WhatItsFunctorThrowsAtOneOfSeveralFailsThePipeline) {
  int calls = 0;
  EXPECT_EQ(script("a1 a3 |",
                   [&](auto in) {
                     return std::move(in) | start_with(7.0, 2.0, 2.0) | map(ThrowsAt{2}) |
                            on_error_continue([&](std::string_view) { ++calls, throw std::runtime_error("f"); });
                   }),
            "7 #");
  EXPECT_EQ(calls, 1);
}

TEST(OnErrorContinue, WhatIsThrownBehindItFailsThePipeline) {
  EXPECT_EQ(script("a1 a2 |", [](auto in) { return std::move(in) | on_error_continue(quiet) | map(ThrowsAt{2}); }),
            "1 #");
  EXPECT_EQ(script("a1 a2 a3 a4 |", [](auto in) { return continued_at_two(std::move(in)) | map(ThrowsAt{3}); }), "1 #")
      << "also behind an error that it took";
}

TEST(OnErrorContinue, WhatItsFunctorThrowsFailsThePipeline) {
  EXPECT_EQ(script("a1 a2 a3 |",
                   [](auto in) {
                     return std::move(in) | map(ThrowsAt{2}) |
                            on_error_continue([](std::string_view) { throw std::runtime_error("f"); });
                   }),
            "1 #");
}

TEST(OnErrorContinue, OfTwoTheNearerTakesIt) {
  std::string heard;
  EXPECT_EQ(script("a1 a2 a3 a4 |",
                   [&](auto in) {
                     return std::move(in) | map(ThrowsAt{2}) |
                            on_error_continue([&](std::string_view) { heard += "near "; }) | map(ThrowsAt{3}) |
                            on_error_continue([&](std::string_view) { heard += "far "; });
                   }),
            "1 4 |");
  EXPECT_EQ(heard, "near far ");
}

TEST(OnErrorContinue, AnErrorAtTheEndStillEndsTheStream) {
  EXPECT_EQ(script("a1 a3 |",
                   [](auto in) {
                     return std::move(in) | window(count(5)) | sum() | map(ThrowsAt{4}) | on_error_continue(quiet);
                   }),
            "|");
}

TEST(OnErrorContinue, AnErrorOnATickIsDroppedToo) {
  EXPECT_EQ(script("a1 t t t a3 t t t |",
                   [](auto in) { return std::move(in) | debounce(2ns) | map(ThrowsAt{1}) | on_error_continue(quiet); }),
            "3 |");
}

TEST(OnErrorContinue, ATakeBehindAndBeforeIt) {
  EXPECT_EQ(script("a1 a2 a3 a4 |", [](auto in) { return continued_at_two(std::move(in)) | take(2); }), "1 3 |");
  EXPECT_EQ(script("a1 a2 a3 a4 |", [](auto in) { return continued_at_two(std::move(in) | take(3)); }), "1 3 |");
}

TEST(OnErrorContinue, EndedByItsHandleItEmitsNothingMore) { EXPECT_EQ(script("a1 a2 ! a3 |", continued_at_two), "1"); }

TEST(OnErrorContinue, OfSeveralInputsTheOthersGoOn) {
  EXPECT_EQ(script("a1 x b1 y a2 |",
                   [](auto a, auto b) { return merge(std::move(a), std::move(b)) | on_error_continue(quiet); }),
            "1 1 2 |");
  EXPECT_EQ(script("c1 c2 c3 |",
                   [](auto a, auto b) {
                     return merge(std::move(a) | map(ThrowsAt{2}), std::move(b)) | on_error_continue(quiet);
                   }),
            "1 1 2 3 3 |")
      << "an event that enters both is lost for the one that threw";
  EXPECT_EQ(script("c1 c2 c3 |",
                   [](auto a, auto b) {
                     return merge(std::move(a) | map(ThrowsAt{2}) | on_error_continue(quiet), std::move(b));
                   }),
            "1 1 2 3 3 |");
}

TEST(OnErrorContinue, BehindObserveOnItTakesWhatIsThrownThere) {
  EXPECT_EQ(script("a1 a2 a3 |", [](auto in) { return continued_at_two(std::move(in) | observe_on(io)); }), "1 3 |");
  EXPECT_EQ(script("a1 a2 a3 |", [](auto in) { return continued_at_two(std::move(in)) | observe_on(io); }), "1 3 |");
}

TEST(OnErrorContinue, AHandlerMayPublishWhatItListensTo) {
  EXPECT_EQ(answered(3, [](auto a, auto) { return std::move(a) | on_error_continue(quiet); }), "1 11 2 12 ");
}

TEST(OnErrorContinue, IsWhatItsReferenceSays) {
  compare(continued_at_two, [](const Moments& stream) {
    Values out;
    for (const double x : values_of(stream))
      if (x != 2) out.push_back(x);
    return out;
  });
}

TEST(OnErrorContinue, ItsPipelineIsSaved) {
  const auto chain = [](auto in) {
    return std::move(in) | scan(0.0, std::plus<>()) | map(ThrowsAt{6}) | every(2) | on_error_continue(quiet);
  };
  expect_same_at_every_cut("on_error_continue", chain);
  expect_words_for_damage("on_error_continue", chain);
}

}  // namespace
