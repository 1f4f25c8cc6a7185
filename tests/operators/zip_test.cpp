#include "operators/endings.hpp"
#include "operators/two_inputs.hpp"
#include "operators/usual_cases.hpp"

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

constexpr auto zip_sum = [](auto a, auto b) { return zip(std::move(a), std::move(b), std::plus<>()); };

TEST(Zip, PairsTheFirstWithTheFirst) {
  EXPECT_EQ(script("a1 b2 |", [](auto a, auto b) { return zip(std::move(a), std::move(b)); }), "1,2 |");
  EXPECT_EQ(script("b2 a1 |", [](auto a, auto b) { return zip(std::move(a), std::move(b)); }), "1,2 |");
  EXPECT_EQ(script("a1 a2 a3 b4 b5 b6 |", zip_sum), "5 7 9 |");
}

TEST(Zip, OfNothingIsNothing) {
  EXPECT_EQ(script("|", zip_sum), "|");
  EXPECT_EQ(script("a1 a2 |", zip_sum), "|") << "what waits for a partner goes with the stream";
  EXPECT_EQ(script("b1 |", zip_sum), "|");
}

TEST(Zip, AnEventThatEntersBothIsItsOwnPartnerUnlessOthersWait) {
  EXPECT_EQ(script("c1 c2 |", zip_sum), "2 4 |");
  EXPECT_EQ(script("a1 c2 b3 |", zip_sum), "3 5 |");
}

TEST(Zip, EndsWithTheInputThatEndsWhenNothingOfItWaits) {
  const auto first = [](auto a, auto b) { return zip(std::move(a) | take(1), std::move(b), std::plus<>()); };
  EXPECT_EQ(script("b1 a2 b3 b4 |", first), "3 |");
  EXPECT_EQ(script("a2 b1 b3 b4 |", first), "3 |");
  EXPECT_EQ(script("c1 c2 |", first), "2 |");
  const auto second = [](auto a, auto b) { return zip(std::move(a), std::move(b) | take(1), std::plus<>()); };
  EXPECT_EQ(script("b1 a2 a3 |", second), "3 |");
  EXPECT_EQ(script("a2 a3 b1 a4 |", second), "3 |");
  EXPECT_EQ(script("c1 c2 |", second), "2 |");
}

TEST(Zip, GoesOnUntilWhatWaitsOfAnEndedInputIsPaired) {
  const auto two = [](auto a, auto b) { return zip(std::move(a) | take(2), std::move(b), std::plus<>()); };
  EXPECT_EQ(script("a1 a2 b3 b4 b5 |", two), "4 6 |");
  EXPECT_EQ(script("a1 a2 b3 |", two), "4 |");
}

TEST(Zip, EndsAtOnceNotWithTheNextEvent) {
  const auto first = [](auto a, auto b) { return zip(std::move(a) | take(1), std::move(b), std::plus<>()); };
  EXPECT_EQ(script("a2 ? b1 ? |", first), "on 3 | over");
  EXPECT_EQ(script("b1 ? a2 ? |", first), "on 3 | over");
  EXPECT_EQ(script("c1 ? |", first), "2 | over");
  const auto second = [](auto a, auto b) { return zip(std::move(a), std::move(b) | take(1), std::plus<>()); };
  EXPECT_EQ(script("b2 ? a1 ? |", second), "on 3 | over");
  EXPECT_EQ(script("a1 ? b2 ? |", second), "on 3 | over");
  EXPECT_EQ(script("c1 ? |", second), "2 | over");
}

TEST(Zip, WhatAnInputEmitsAtItsEndIsPairedToo) {
  EXPECT_EQ(
      script("a1 a2 a3 b4 b5 |",
             [](auto a, auto b) { return zip(std::move(a) | window(count(2)) | sum(), std::move(b), std::plus<>()); }),
      "7 8 |");
}

TEST(Zip, AWindowBehindItEmitsWhatItHasWhenItEnds) {
  EXPECT_EQ(script("a1 b1 a2 b2 a3 b3 a4 b4 |",
                   [](auto a, auto b) {
                     return zip(std::move(a) | take(3), std::move(b), std::plus<>()) | window(count(2)) | sum();
                   }),
            "6 6 |");
}

TEST(Zip, ATakeBehindItEndsAll) {
  EXPECT_EQ(
      script("c1 c2 c3 |", [](auto a, auto b) { return zip(std::move(a), std::move(b), std::plus<>()) | take(2); }),
      "2 4 |");
}

TEST(Zip, EndedByItsHandleItEmitsNothingMore) { EXPECT_EQ(script("c1 a2 ! b3 |", zip_sum), "2"); }

TEST(Zip, AnErrorBeforeItInItOrBehindItFailsThePipeline) {
  EXPECT_EQ(script("c1 x b1 |", zip_sum), "2 #");
  EXPECT_EQ(script("c1 y b1 |", zip_sum), "2 #");
  EXPECT_EQ(script("c1 c2 c3 |",
                   [](auto a, auto b) {
                     return zip(std::move(a), std::move(b),
                                [](double x, double) { return x == 2 ? throw std::runtime_error("f") : x; });
                   }),
            "1 #");
  EXPECT_EQ(script("c1 c2 c3 |",
                   [](auto a, auto b) { return zip(std::move(a), std::move(b), std::plus<>()) | map(ThrowsAt{4}); }),
            "2 #");
}

TEST(Zip, APairAtWhichItsFunctorThrowsIsGoneWhereThatIsCaught) {
  const auto caught = [](auto a, auto b) {
    return zip(std::move(a) | take(3), std::move(b), [](double x, double y) { return ThrowsAt{2}(x) + y; }) |
           on_error_continue([](std::string_view) {});
  };
  EXPECT_EQ(script("c1 c2 c3 c4 |", caught), "2 6 |");
  const auto last = [](auto a, auto b) {
    return zip(std::move(a) | take(2), std::move(b), [](double x, double y) { return ThrowsAt{2}(x) + y; }) |
           on_error_continue([](std::string_view) {});
  };
  EXPECT_EQ(script("a1 a2 b1 b2 c9 c9 |", last), "2 |") << "it ends although the last pair failed";
}

TEST(Zip, OneMoreThanMayWaitFailsIt) {
  const auto two = [](auto a, auto b) { return zip(std::move(a), std::move(b), std::plus<>(), {.capacity = 2}); };
  EXPECT_EQ(script("a1 a2 b1 a3 b1 b1 |", two), "2 3 4 |") << "as many as may wait do";
  EXPECT_EQ(script("a1 a2 a3 b1 |", two), "#");
  EXPECT_EQ(script("b1 b2 b3 a1 |", two), "#");
  EXPECT_NE(words_of("a1 a2 a3", two).find("zip: 2 values of its first input wait"), std::string::npos)
      << words_of("a1 a2 a3", two);
  EXPECT_NE(words_of("b1 b2 b3", two).find("second"), std::string::npos);
}

TEST(Zip, RefusesNoRoomAndDifferentBuses) {
  Bus bus({.thread = false}), other({.thread = false});
  EXPECT_THROW((void)zip(input_of<Number>(bus), input_of<Number>(bus), std::plus<>(), {.capacity = 0}), OperatorError);
  EXPECT_NO_THROW((void)zip(input_of<Number>(bus), input_of<Number>(bus), std::plus<>(), {.capacity = 1}));
  EXPECT_THROW((void)zip(input_of<Number>(bus), input_of<Number>(bus), std::plus<>(), {.capacity = -1}), OperatorError);
  EXPECT_THROW((void)zip(input_of<Number>(bus), input_of<Number>(other)), OperatorError);
  EXPECT_THROW((void)zip(bus.on<Number>().from(Stream::trainer), bus.on<Number>()), OperatorError);
  EXPECT_THROW((void)zip(bus.on<Number>().from("a"), bus.on<Number>()), OperatorError);
  EXPECT_THROW((void)zip(bus.on<Number>(), bus.on<Number>().overload(drop_oldest(4))), OperatorError);
}

template <class A, class B>
concept Zips = requires(A a, B b) {
  zip(std::move(a), std::move(b));
};
TEST(Zip, StandsBeforeObserveOnNotBehindIt) {
  EXPECT_EQ(script("c1 a2 b3 |",
                   [](auto a, auto b) { return zip(std::move(a), std::move(b), std::plus<>()) | observe_on(io); }),
            "2 5 |");
  using Plain = Source<Number>;
  using Elsewhere = decltype(std::declval<Plain>() | observe_on(io));
  static_assert(Zips<Plain, Plain> && !Zips<Elsewhere, Plain> && !Zips<Plain, Elsewhere>);
}

TEST(Zip, OfAZipAndOfAMerge) {
  EXPECT_EQ(script("c1 c2 |",
                   [](auto a, auto b) {
                     Bus* const bus = bus_of(a);
                     return zip(zip(std::move(a), std::move(b), std::plus<>()),
                                merge(input_of<Number>(*bus), input_of<OtherNumber>(*bus)));
                   }),
            "2,1 4,1 |")
      << "what the merge brings twice waits";
}

TEST(Zip, AHandlerMayPublishWhatItListensTo) { EXPECT_EQ(answered(3, zip_sum), "2 14 "); }

TEST(Zip, KeepsEventsOfSeveralTypesWhole) {
  const auto pairs = of_two_types(40, [](auto in) {
    Bus* const bus = bus_of(in);
    return zip(std::move(in), bus->on<Number, OtherNumber>() | filter([](const auto& e) { return number_of(e) < 0; }),
               [](const auto& a, const auto& b) { return number_of(a) * 100 + number_of(b); });
  });
  ASSERT_EQ(pairs.size(), 20u);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(pairs[static_cast<std::size_t>(i)], (i % 2 == 0 ? i + 1 : -(i + 1)) * 100 - (2 * i + 2));
}

TEST(Zip, IsWhatItsReferenceSays) {
  compare(zip_sum, [](const Arrivals& arrivals) {
    Values a, b, out;
    for (const Arrival& one : arrivals) {
      if (one.value && one.which != 1) a.push_back(*one.value);
      if (one.value && one.which != 0) b.push_back(*one.value);
    }
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) out.push_back(a[i] + b[i]);
    return out;
  });
}

TEST(Zip, SavesWhatWaits) {
  expect_same_at_every_cut("zip", zip_sum);
  expect_same_at_every_cut("zip of ends", [](auto a, auto b) {
    return zip(std::move(a) | take(3) | every(2), std::move(b) | take(4), std::plus<>()) | take(5);
  });
  expect_words_for_damage("zip", zip_sum);
}

struct CountsPairs {
  double calls = 0;
  double operator()(double, double) { return ++calls; }
  void state(auto& archive) { archive(calls); }
};
TEST(Zip, SavesTheStateOfItsFunctor) {
  expect_same_at_every_cut("zip", [](auto a, auto b) { return zip(std::move(a), std::move(b), CountsPairs{}); });
}

TEST(Zip, DependsOnNoClockAndDescribesItself) {
  DrivenByTwo driven(zip_sum);
  EXPECT_FALSE(driven.handle()->options().wall_time);
  const auto lines = driven.pipeline().describe();
  EXPECT_NE(std::find(lines.begin(), lines.end(), "zip"), lines.end());
}

TEST(Zip, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases_of_two(zip_sum); }

}  // namespace
