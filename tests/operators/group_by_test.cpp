#include "operators/two_inputs.hpp"
#include "operators/usual_cases.hpp"

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

constexpr auto parity = [](double x) { return static_cast<int>(x) % 2; };
constexpr auto running_sum = [](auto in) { return std::move(in) | scan(0.0, std::plus<>()); };
constexpr auto sums = [](auto in) { return std::move(in) | group_by(parity, at_most(4), running_sum); };
/// The values alone, keys told apart by their sign.
constexpr auto flat = [](auto in) {
  return sums(std::move(in) | filter(is_finite)) |
         map([](const auto& pair) { return pair.second - 1000 * pair.first; });
};
/// A group for each number.
template <class Chain>
auto grouped(at_most most, Chain chain) {
  return [most, chain](auto in) { return std::move(in) | group_by(std::identity(), most, chain); };
}

TEST(GroupBy, GivesEachKeyAChainOfItsOwn) { EXPECT_EQ(script("a1 a2 a3 a4 a5 |", sums), "1,1 0,2 1,4 0,6 1,9 |"); }

TEST(GroupBy, OfNothingOneAndOneKey) {
  EXPECT_EQ(script("|", sums), "|");
  EXPECT_EQ(script("a3 |", sums), "1,3 |");
  EXPECT_EQ(script("a1 a3 a5 |", sums), "1,1 1,4 1,9 |");
}

TEST(GroupBy, AtTheEndEachGroupEmitsWhatItHasInTheOrderInWhichTheyBegan) {
  EXPECT_EQ(
      script("a3 a1 a3 a1 a1 |", grouped(at_most(4), [](auto in) { return std::move(in) | window(count(5)) | sum(); })),
      "3,6 1,3 |");
}

TEST(GroupBy, AGroupThatHasEndedDropsWhatStillComes) {
  EXPECT_EQ(script("a1 a1 a2 a1 a2 a3 |", grouped(at_most(4), [](auto in) { return std::move(in) | take(1); })),
            "1,1 2,2 3,3 |");
}

TEST(GroupBy, OneKeyMoreThanThereMayBeFailsIt) {
  const auto two = grouped(at_most(2), running_sum);
  EXPECT_EQ(script("a1 a2 a1 a2 |", two), "1,1 2,2 1,2 2,4 |") << "as many as there may be do";
  EXPECT_EQ(script("a1 a2 a3 a1 |", two), "1,1 2,2 #");
  EXPECT_NE(words_of("a1 a2 a3", two).find("there are 2 groups"), std::string::npos) << words_of("a1 a2 a3", two);
}

TEST(GroupBy, OrIsDropped) {
  EXPECT_EQ(script("a1 a2 a3 a1 a3 a2 |", grouped(at_most(2).dropping(), running_sum)), "1,1 2,2 1,2 2,4 |");
}

TEST(GroupBy, OrTakesThePlaceOfTheOneThatHasSeenNothingForLongest) {
  EXPECT_EQ(script("a1 a2 a1 a3 a2 a1 |", grouped(at_most(2).replacing(), running_sum)), "1,1 2,2 1,2 3,3 2,2 1,1 |");
}

TEST(GroupBy, TheGroupThatIsReplacedCompletes) {
  EXPECT_EQ(script("a1 a1 a2 a3 |",
                   grouped(at_most(2).replacing(), [](auto in) { return std::move(in) | window(count(5)) | sum(); })),
            "1,2 3,3 2,2 |");
}

TEST(GroupBy, ReplacesAndFindsAmongMany) {
  std::mt19937_64 random(3);
  std::vector<double> values;
  for (int i = 0; i < 20'000; ++i) values.push_back(static_cast<double>(random() % 300));
  const auto out = over(values, [](auto in) {
    return std::move(in) |
           group_by([](double x) { return static_cast<std::int64_t>(x); }, at_most(100).replacing(), running_sum);
  });
  std::vector<std::pair<double, double>> recent;  // key and sum, the one that has seen nothing for longest first
  ASSERT_EQ(out.size(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto at = std::find_if(recent.begin(), recent.end(), [&](const auto& one) { return one.first == values[i]; });
    double sum = values[i];
    if (at != recent.end()) {
      sum += at->second;
      recent.erase(at);
    } else if (recent.size() == 100)
      recent.erase(recent.begin());
    recent.emplace_back(values[i], sum);
    ASSERT_EQ(out[i].second, sum) << i;
  }
}

TEST(GroupBy, ATakeBehindItEndsAll) {
  EXPECT_EQ(script("a1 a2 a3 |", [](auto in) { return sums(std::move(in)) | take(2); }), "1,1 0,2 |");
}

TEST(GroupBy, ATakeBeforeItLetsTheGroupsEmitWhatTheyHave) {
  EXPECT_EQ(script("a1 a2 a1 a9 |",
                   [](auto in) {
                     return std::move(in) | take(3) | group_by(std::identity(), at_most(4), [](auto each) {
                              return std::move(each) | window(count(5)) | sum();
                            });
                   }),
            "1,2 2,2 |");
}

TEST(GroupBy, EndedByItsHandleItEmitsNothingMore) { EXPECT_EQ(script("a1 ! a2 |", sums), "1,1"); }

TEST(GroupBy, AnErrorBeforeItInItOrBehindItFailsThePipeline) {
  EXPECT_EQ(script("a1 x a2 |", sums), "1,1 #");
  EXPECT_EQ(script("a1 a2 |", [](auto in) { return std::move(in) | group_by(ThrowsAt{2}, at_most(4), running_sum); }),
            "1,1 #");
  EXPECT_EQ(script("a1 a2 |", grouped(at_most(4), [](auto in) { return std::move(in) | map(ThrowsAt{2}); })), "1,1 #");
  EXPECT_EQ(script("a1 a2 |",
                   [](auto in) {
                     return sums(std::move(in)) | map([](const auto& pair) { return ThrowsAt{2}(pair.second); });
                   }),
            "1 #");
}

TEST(GroupBy, AGroupThatCatchesEndsItselfAlone) {
  EXPECT_EQ(script("a1 a2 a3 a2 a1 |",
                   [](auto in) {
                     return std::move(in) | group_by(parity, at_most(4), [](auto each) {
                              return std::move(each) | map(ThrowsAt{3}) |
                                     catch_error([](std::string_view) { return -1.0; });
                            });
                   }),
            "1,1 0,2 1,-1 0,2 |");
}

TEST(GroupBy, RefusesNoGroupsAndTooMany) {
  EXPECT_THROW(at_most(0), OperatorError);
  EXPECT_THROW(at_most(-1), OperatorError);
  EXPECT_THROW(at_most(1'000'001), OperatorError);
  EXPECT_NO_THROW(at_most(1'000'000));
}

TEST(GroupBy, NaNIsAGroupOfItsOwnEachTime) {
  EXPECT_EQ(script("anan a1 anan a1 |", grouped(at_most(4), running_sum)), "nan,nan 1,1 nan,nan 1,2 |");
  EXPECT_EQ(script("anan anan anan |", grouped(at_most(2), running_sum)), "nan,nan nan,nan #");
}

TEST(GroupBy, BehindAndBeforeObserveOn) {
  EXPECT_EQ(script("a1 a2 a3 |", [](auto in) { return sums(std::move(in) | observe_on(io)); }), "1,1 0,2 1,4 |");
  EXPECT_EQ(script("a1 a2 a3 |", [](auto in) { return sums(std::move(in)) | observe_on(io); }), "1,1 0,2 1,4 |");
}

TEST(GroupBy, WithinAGroup) {
  EXPECT_EQ(script("a1 a2 a11 a1 |",
                   [](auto in) {
                     return std::move(in) | group_by(parity, at_most(2), [](auto each) {
                              return std::move(each) | group_by(std::identity(), at_most(3), running_sum);
                            });
                   }),
            "1,1,1 0,2,2 1,11,11 1,1,2 |");
}

TEST(GroupBy, AChainThatEndsEndsThePipeline) {
  Bus bus({.thread = false});
  std::string output;
  struct Sink {
    std::string& output;
    void operator()(double x) { output += text_of(x) + " "; }
    void end() { output += "| "; }
  };
  const Handle handle = input_of<Number>(bus) | group_by(parity, at_most(2), [&](auto each) {
                          return std::move(each) | scan(0.0, std::plus<>()) | subscribe(Sink{output});
                        });
  for (const double x : {1.0, 2.0, 3.0}) bus.publish(Number{x});
  bus.close();
  EXPECT_EQ(output, "1 2 4 | | ");
  EXPECT_FALSE(handle->options().saved);
}

TEST(GroupBy, TicksReachItsGroups) {
  EXPECT_EQ(script("@1 a1 @2 a2 @9 t ? |", grouped(at_most(4), [](auto in) { return std::move(in) | debounce(2ns); })),
            "1,1 2,2 on |")
      << "before the end";
  EXPECT_EQ(
      script("@1 a1 @2 a2 @9 t @20 a3 |", grouped(at_most(4), [](auto in) { return std::move(in) | debounce(2ns); })),
      "1,1 2,2 3,3 |");
  EXPECT_TRUE(Driven([](auto in) {
                return std::move(in) |
                       group_by(parity, at_most(2), [](auto each) { return std::move(each) | debounce(2ns); }) |
                       map([](const auto& pair) { return pair.second; });
              })
                  .handle()
                  ->options()
                  .wall_time);
  EXPECT_FALSE(Driven(flat).handle()->options().wall_time);
}

/// Emits the number of the event that brought the value.
struct numbered {
  template <class In>
  using out = double;
  void operator()(double, auto&& out) { out(static_cast<double>(out.number())); }
  void state(auto&) {}
};
TEST(GroupBy, AGroupSeesTheMomentAndTheNumberOfEachEvent) {
  const auto stamps = [](auto in) {
    return std::move(in) | timestamp() | map([](const auto& value) { return static_cast<double>(value.stamp); });
  };
  EXPECT_EQ(script("@3 a1 @5 a2 @9 a1 |", grouped(at_most(4), stamps)), "1,3 2,5 1,9 |");
  EXPECT_EQ(script("a1 b7 a2 a1 |", grouped(at_most(4), [](auto in) { return std::move(in) | numbered{}; })),
            "1,1 2,3 1,4 |");
}

TEST(GroupBy, WhatAGroupEmitsOfAnotherMomentIsOfThatMoment) {
  EXPECT_EQ(script("@105 a1 @107 a2 |",
                   [](auto in) {
                     return std::move(in) |
                            group_by(std::identity(), at_most(4),
                                     [](auto each) { return std::move(each) | as_of_earlier{}; }) |
                            timestamp();
                   }),
            "1,1@5 2,2@7 |");
}

TEST(GroupBy, GroupsThatAreSavedMakeThePipelinePartOfCheckpoints) {
  Bus bus({.thread = false});
  const auto nothing = [](double) {};
  EXPECT_TRUE((input_of<Number>(bus) |
               group_by(parity, at_most(2), [&](auto each) { return std::move(each) | subscribe(saved, nothing); }))
                  ->options()
                  .saved);
  EXPECT_FALSE((input_of<Number>(bus) |
                group_by(parity, at_most(2), [&](auto each) { return std::move(each) | subscribe(nothing); }))
                   ->options()
                   .saved);
}

TEST(GroupBy, WhatAGroupHasToSayFinallyIsSaid) {
  for (const char* words : {"a1 a2 a1 |", "a1 a2 !", "a1 a2 x"}) {
    int calls = 0;
    (void)script(words, grouped(at_most(2), [&](auto in) { return std::move(in) | finally([&] { ++calls; }); }));
    EXPECT_EQ(calls, 2) << words;
  }
}

TEST(GroupBy, AHandlerMayPublishWhatItListensTo) {
  EXPECT_EQ(
      answered(3, [](auto a, auto) { return sums(std::move(a)) | map([](const auto& pair) { return pair.second; }); }),
      "1 12 2 14 ");
}

TEST(GroupBy, KeysMayBeWords) {
  EXPECT_EQ(script("a1 a2 a3 |",
                   [](auto in) {
                     return std::move(in) |
                            group_by([](double x) { return std::string(parity(x) != 0 ? "odd" : "even"); }, at_most(2),
                                     running_sum);
                   }),
            "odd,1 even,2 odd,4 |");
}

TEST(GroupBy, IsWhatItsReferenceSays) {
  compare(flat, [](const Moments& stream) {
    Values out;
    double sum[2] = {};
    for (const double x : values_of(stream))
      if (std::isfinite(x)) out.push_back((sum[parity(x)] += x) - 1000 * parity(x));
    return out;
  });
}

TEST(GroupBy, SavesItsGroups) {
  expect_same_at_every_cut("group_by", flat);
  const auto replacing = [](auto in) {
    return std::move(in) | filter(is_finite) |
           group_by([](double x) { return static_cast<int>(x); }, at_most(2).replacing(),
                    [](auto each) { return std::move(each) | window(count(3)) | sum(); }) |
           map([](const auto& pair) { return pair.first * 100.0 + pair.second; });
  };
  expect_same_at_every_cut("group_by, replacing", replacing);
  expect_words_for_damage("group_by", flat);
  expect_words_for_damage("group_by, replacing", replacing);
}

TEST(GroupBy, SavesGroupsWhoseChainsCapture) {
  const double by = 3;
  expect_same_at_every_cut("group_by, captures", [by](auto in) {
    return std::move(in) | filter(is_finite) |
           group_by(
               parity, at_most(2),
               [by](auto each) { return std::move(each) | map(pure([by](double x) { return by * x; })) | every(2); }) |
           map([](const auto& pair) { return pair.second; });
  });
}

TEST(GroupBy, DescribesItself) {
  const auto lines = Driven(flat).pipeline().describe();
  EXPECT_NE(std::find(lines.begin(), lines.end(), "group_by(4)"), lines.end());
}

TEST(GroupBy, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  expect_usual_cases([](auto in) {
    return sums(std::move(in)) | map([](const auto& pair) { return 1000.0 * pair.first + pair.second; });
  });
}

}  // namespace
