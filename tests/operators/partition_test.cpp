#include "operators/two_inputs.hpp"
#include "operators/usual_cases.hpp"

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

constexpr auto big = [](double x) { return x > 2; };
constexpr auto by_size = [](auto in) {
  return std::move(in) | partition(
                             big, [](auto yes) { return std::move(yes) | map([](double x) { return 10 * x; }); },
                             [](auto no) { return std::move(no) | every(2); });
};

TEST(Partition, GivesEachValueToOneOfTwo) { EXPECT_EQ(script("a1 a3 a2 a4 |", by_size), "30 2 40 |"); }

TEST(Partition, OfNothingOneAndOneKind) {
  EXPECT_EQ(script("|", by_size), "|");
  EXPECT_EQ(script("a3 |", by_size), "30 |");
  EXPECT_EQ(script("a1 |", by_size), "|");
  EXPECT_EQ(script("a3 a4 |", by_size), "30 40 |");
}

TEST(Partition, NaNIsWhatThePredicateSays) { EXPECT_EQ(script("anan anan |", by_size), "nan |"); }

TEST(Partition, AtTheEndBothEmitWhatTheyHave) {
  const auto sums = [](auto in) { return std::move(in) | window(count(2)) | sum(); };
  EXPECT_EQ(script("a1 a3 a4 a5 |", [&](auto in) { return std::move(in) | partition(big, sums, sums); }), "7 5 1 |");
}

TEST(Partition, EndsWhenBothHave) {
  const auto one = [](auto in) { return std::move(in) | take(1); };
  EXPECT_EQ(script("a1 a2 a3 a4 |", [&](auto in) { return std::move(in) | partition(big, one, one); }), "1 3 |");
  EXPECT_EQ(script("a1 a2 |", [&](auto in) { return std::move(in) | partition(big, one, one); }), "1 |");
}

TEST(Partition, ATakeBehindItAndBeforeIt) {
  EXPECT_EQ(script("a3 a4 a5 |", [](auto in) { return by_size(std::move(in)) | take(2); }), "30 40 |");
  EXPECT_EQ(script("a3 a4 a5 |", [](auto in) { return by_size(std::move(in) | take(2)); }), "30 40 |");
}

TEST(Partition, EndedByItsHandleItEmitsNothingMore) { EXPECT_EQ(script("a3 ! a4 |", by_size), "30"); }

TEST(Partition, AnErrorBeforeInOrBehindItFailsThePipeline) {
  EXPECT_EQ(script("a3 x a4 |", by_size), "30 #");
  const auto same = [](auto in) { return in; };
  EXPECT_EQ(script("a3 a1 |",
                   [&](auto in) {
                     return std::move(in) | partition([](double x) { return ThrowsAt{1}(x) > 2; }, same, same);
                   }),
            "3 #");
  EXPECT_EQ(script("a3 a4 |", [](auto in) { return by_size(std::move(in)) | map(ThrowsAt{40}); }), "30 #");
}

TEST(Partition, BehindAndBeforeObserveOn) {
  EXPECT_EQ(script("a1 a3 a2 |", [](auto in) { return by_size(std::move(in) | observe_on(io)); }), "30 2 |");
  EXPECT_EQ(script("a1 a3 a2 |", [](auto in) { return by_size(std::move(in)) | observe_on(io); }), "30 2 |");
}

TEST(Partition, TakesAPredicateThatCaptures) {
  const double limit = 2;
  const auto build = [limit](auto in) {
    return std::move(in) | partition(
                               pure([limit](double x) { return x > limit; }), [](auto yes) { return yes; },
                               [](auto no) { return std::move(no) | map([](double x) { return -x; }); });
  };
  EXPECT_EQ(script("a1 a3 |", build), "-1 3 |");
  expect_same_at_every_cut("partition", build);
}

TEST(Partition, AHandlerMayPublishWhatItListensTo) {
  EXPECT_EQ(answered(30, [](auto a, auto) { return by_size(std::move(a)); }), "2 120 ");
}

TEST(Partition, IsWhatItsReferenceSays) {
  compare(by_size, [](const Moments& stream) {
    Values out;
    std::size_t count = 0;
    for (const double x : values_of(stream)) {
      if (x > 2)
        out.push_back(10 * x);
      else if (++count % 2 == 0)
        out.push_back(x);
    }
    return out;
  });
}

TEST(Partition, SavesItsChains) {
  expect_same_at_every_cut("partition", by_size);
  expect_words_for_damage("partition", by_size);
}

TEST(Partition, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(by_size); }

}  // namespace
