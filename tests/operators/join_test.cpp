#include "operators/endings.hpp"
#include "operators/two_inputs.hpp"
#include "operators/usual_cases.hpp"

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

constexpr auto joined_sum = [](auto a, auto b) {
  return join(std::move(a), std::identity(), std::move(b), std::identity(), std::plus<>());
};
/// Joined by the tens: 11 with 12.
constexpr auto by_tens = [](auto a, auto b) {
  const auto tens = [](double x) { return static_cast<int>(x) / 10; };
  return join(std::move(a), tens, std::move(b), tens);
};

TEST(Join, PairsValuesOfTheSameKey) {
  EXPECT_EQ(script("a11 a21 b22 b12 |", by_tens), "21,22 11,12 |");
  EXPECT_EQ(script("b12 a11 |", by_tens), "11,12 |");
}

TEST(Join, OfNothingOrOfOneSideIsNothing) {
  EXPECT_EQ(script("|", by_tens), "|");
  EXPECT_EQ(script("a1 a2 |", by_tens), "|");
  EXPECT_EQ(script("b1 |", by_tens), "|");
  EXPECT_EQ(script("a11 b21 |", by_tens), "|") << "no key in common";
}

TEST(Join, EachValueFindsOnePartnerTheOldestThatWaits) {
  EXPECT_EQ(script("a11 a12 b18 b19 b17 |", by_tens), "11,18 12,19 |");
}

TEST(Join, TheOthersKeepTheirOrderWhenOneIsTakenOutOfTheMiddle) {
  EXPECT_EQ(script("a11 a21 a12 a31 a13 b25 b15 b16 b17 b35 |", by_tens), "21,25 11,15 12,16 13,17 31,35 |");
}

TEST(Join, AnEventThatEntersBothIsItsOwnPartner) { EXPECT_EQ(script("c1 c2 a3 c3 b3 |", joined_sum), "2 4 6 6 |"); }

TEST(Join, ByMembers) {
  Bus bus({.thread = false});
  std::string output;
  join(bus.on<BatchEnd>(), &BatchEnd::step, bus.on<Metric>(), &Metric::step,
       [](const BatchEnd& batch, const Metric& metric) { return batch.loss + metric.value; }) |
      subscribe([&](double value) { output += text_of(value) + " "; });
  bus.publish(BatchEnd{.step = 1, .loss = 10});
  bus.publish(BatchEnd{.step = 2, .loss = 20});
  bus.publish(Metric{.step = 2, .value = 2});
  bus.publish(Metric{.step = 1, .value = 1});
  bus.close();
  EXPECT_EQ(output, "22 11 ");
}

TEST(Join, EndsWhenAnInputHasEndedAndNoneOfItsValuesWaits) {
  const auto one = [](auto a, auto b) {
    return join(std::move(a) | take(1), std::identity(), std::move(b), std::identity(), std::plus<>());
  };
  EXPECT_EQ(script("a1 b2 b1 b3 |", one), "2 |");
  EXPECT_EQ(script("b1 a1 b3 |", one), "2 |");
  const auto other = [](auto a, auto b) {
    return join(std::move(a), std::identity(), std::move(b) | take(1), std::identity(), std::plus<>());
  };
  EXPECT_EQ(script("b1 a2 a1 a3 |", other), "2 |");
  EXPECT_EQ(script("c1 c2 |", other), "2 |");
}

TEST(Join, EndsAtOnceNotWithTheNextEvent) {
  const auto one = [](auto a, auto b) {
    return join(std::move(a) | take(1), std::identity(), std::move(b), std::identity(), std::plus<>());
  };
  EXPECT_EQ(script("a1 ? b2 ? b1 ? |", one), "on on 2 | over");
  EXPECT_EQ(script("b1 a1 ? |", one), "2 | over");
  const auto other = [](auto a, auto b) {
    return join(std::move(a), std::identity(), std::move(b) | take(1), std::identity(), std::plus<>());
  };
  EXPECT_EQ(script("b1 ? a2 ? a1 ? |", other), "on on 2 | over");
}

TEST(Join, GoesOnAsLongAsAValueOfTheOneThatHasEndedWaits) {
  const auto two_of_a = [](auto a, auto b) {
    return join(std::move(a) | take(2), std::identity(), std::move(b), std::identity(), std::plus<>());
  };
  EXPECT_EQ(script("a1 a2 b1 ? b2 ? |", two_of_a), "2 on 4 | over");
  const auto two_of_b = [](auto a, auto b) {
    return join(std::move(a), std::identity(), std::move(b) | take(2), std::identity(), std::plus<>());
  };
  EXPECT_EQ(script("b1 b2 a1 ? a2 ? |", two_of_b), "2 on 4 | over");
}

TEST(Join, EndsAtOnceWithOneOfWhichNothingWaits) {
  EXPECT_EQ(script("b2 a1 ? b3 |",
                   [](auto a, auto b) {
                     return join(std::move(a) | take(0), std::identity(), std::move(b), std::identity(), std::plus<>());
                   }),
            "| over");
  EXPECT_EQ(script("a2 b1 ? a3 |",
                   [](auto a, auto b) {
                     return join(std::move(a), std::identity(), std::move(b) | take(0), std::identity(), std::plus<>());
                   }),
            "| over");
}

TEST(Join, EndsWhenBothHaveEndedWhateverWaits) {
  const auto one_each = [](auto a, auto b) {
    return join(std::move(a) | take(1), std::identity(), std::move(b) | take(1), std::identity(), std::plus<>());
  };
  EXPECT_EQ(script("a1 ? b2 ? |", one_each), "on | over") << "at once";
  EXPECT_EQ(script("b2 ? a1 ? |", one_each), "on | over");
  EXPECT_EQ(script("a1 b2 a2 b1 |",
                   [](auto a, auto b) {
                     return join(std::move(a) | take(1), std::identity(), std::move(b) | take(1), std::identity(),
                                 std::plus<>());
                   }),
            "|");
}

TEST(Join, OneMoreThanMayWaitPushesTheOldestOut) {
  const auto two = [](auto a, auto b) {
    return join(std::move(a), std::identity(), std::move(b), std::identity(), std::plus<>(), {.capacity = 2});
  };
  EXPECT_EQ(script("a1 a2 b1 b2 |", two), "2 4 |") << "as many as may wait do";
  EXPECT_EQ(script("a1 a2 a3 b1 b2 b3 |", two), "4 6 |");
  EXPECT_EQ(script("b1 b2 b3 a1 a2 a3 |", two), "4 6 |");
}

TEST(Join, RefusesNoRoomAndDifferentBuses) {
  Bus bus({.thread = false}), other({.thread = false});
  const auto joined = [](Bus& a, Bus& b, std::int64_t capacity) {
    return join(input_of<Number>(a), std::identity(), input_of<Number>(b), std::identity(), std::plus<>(),
                {.capacity = capacity});
  };
  EXPECT_THROW((void)joined(bus, bus, 0), OperatorError);
  EXPECT_THROW((void)joined(bus, bus, -5), OperatorError);
  EXPECT_THROW((void)joined(bus, other, 5), OperatorError);
}

TEST(Join, ATakeBehindItEndsAll) {
  EXPECT_EQ(script("c1 c2 c3 |",
                   [](auto a, auto b) {
                     return join(std::move(a), std::identity(), std::move(b), std::identity(), std::plus<>()) | take(2);
                   }),
            "2 4 |");
}

TEST(Join, EndedByItsHandleItEmitsNothingMore) { EXPECT_EQ(script("c1 a2 ! b2 |", joined_sum), "2"); }

TEST(Join, AnErrorBeforeItInAFunctorOrBehindItFailsThePipeline) {
  EXPECT_EQ(script("c1 x c1 |", joined_sum), "2 #");
  EXPECT_EQ(script("c1 y c1 |", joined_sum), "2 #");
  EXPECT_EQ(script("c1 c2 |",
                   [](auto a, auto b) {
                     return join(std::move(a), ThrowsAt{2}, std::move(b), std::identity(), std::plus<>());
                   }),
            "2 #");
  EXPECT_EQ(script("c1 c2 |",
                   [](auto a, auto b) {
                     return join(std::move(a), std::identity(), std::move(b), ThrowsAt{2}, std::plus<>());
                   }),
            "2 #");
  EXPECT_EQ(script("c1 c2 |",
                   [](auto a, auto b) {
                     return join(std::move(a), std::identity(), std::move(b), std::identity(),
                                 [](double x, double) { return ThrowsAt{2}(x); });
                   }),
            "1 #");
  EXPECT_EQ(script("c1 c2 |",
                   [](auto a, auto b) {
                     return join(std::move(a), std::identity(), std::move(b), std::identity(), std::plus<>()) |
                            map(ThrowsAt{4});
                   }),
            "2 #");
}

TEST(Join, NaNHasNoPartner) { EXPECT_EQ(script("anan bnan a1 b1 |", joined_sum), "2 |"); }

TEST(Join, StandsBeforeObserveOn) {
  EXPECT_EQ(script("a1 b2 c3 b1 |",
                   [](auto a, auto b) {
                     return join(std::move(a), std::identity(), std::move(b), std::identity(), std::plus<>()) |
                            observe_on(io);
                   }),
            "6 2 |");
}

TEST(Join, AHandlerMayPublishWhatItListensTo) { EXPECT_EQ(answered(3, joined_sum), "2 4 "); }

TEST(Join, KeepsEventsOfSeveralTypesWhole) {
  const auto half = [](const auto& e) { return (static_cast<int>(std::abs(number_of(e))) + 1) / 2; };
  const auto sums = of_two_types(40, [&](auto in) {
    Bus* const bus = bus_of(in);
    return join(std::move(in) | filter([](const auto& e) { return number_of(e) > 0; }), half,
                bus->on<Number, OtherNumber>() | filter([](const auto& e) { return number_of(e) < 0; }), half,
                [](const auto& a, const auto& b) { return number_of(a) * 100 + number_of(b); });
  });
  ASSERT_EQ(sums.size(), 20u);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(sums[static_cast<std::size_t>(i)], (2 * i + 1) * 100 - (2 * i + 2));
}

TEST(Join, IsWhatItsReferenceSays) {
  compare(
      [](auto a, auto b) {
        const auto half = [](double x) { return static_cast<int>(x) / 2; };
        return join(std::move(a) | filter(is_finite), half, std::move(b) | filter(is_finite), half,
                    [](double x, double y) { return 10 * x + y; }, {.capacity = 3});
      },
      [](const Arrivals& arrivals) {
        std::vector<double> a, b;
        Values out;
        const auto meet = [](std::vector<double>& mine, std::vector<double>& others,
                             double value) -> std::optional<double> {
          const auto found =
              std::find_if(others.begin(), others.end(), [&](double x) { return int(x) / 2 == int(value) / 2; });
          if (found != others.end()) {
            const double partner = *found;
            others.erase(found);
            return partner;
          }
          if (mine.size() == 3) mine.erase(mine.begin());
          mine.push_back(value);
          return std::nullopt;
        };
        for (const Arrival& one : arrivals) {
          if (!one.value || !std::isfinite(*one.value)) continue;
          if (one.which != 1)
            if (const auto partner = meet(a, b, *one.value)) out.push_back(10 * *one.value + *partner);
          if (one.which != 0)
            if (const auto partner = meet(b, a, *one.value)) out.push_back(10 * *partner + *one.value);
        }
        return out;
      });
}

TEST(Join, SavesWhatWaits) {
  expect_same_at_every_cut("join", joined_sum);
  expect_same_at_every_cut("join of ends", [](auto a, auto b) {
    return join(std::move(a) | take(4), std::identity(), std::move(b) | take(5), std::identity(), std::plus<>(),
                {.capacity = 2});
  });
  expect_words_for_damage("join", joined_sum);
}

TEST(Join, DescribesItself) {
  const auto lines = DrivenByTwo(joined_sum).pipeline().describe();
  EXPECT_NE(std::find(lines.begin(), lines.end(), "join(64)"), lines.end());
}

TEST(Join, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  expect_usual_cases_of_two([](auto a, auto b) {
    return join(
        std::move(a), [](double x) { return static_cast<int>(x) / 2; }, std::move(b),
        [](double x) { return static_cast<int>(x) / 2; }, std::plus<>());
  });
}

}  // namespace
