#include "operators/two_inputs.hpp"
#include "operators/usual_cases.hpp"

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

constexpr auto ten = [](double x) { return 10 * x; };
/// Every second value, and every value times ten.
constexpr auto seconds_and_tens = [](auto in) {
  return std::move(in) | share([](auto each) { return std::move(each) | every(2); },
                               [](auto each) { return std::move(each) | map(ten); });
};

TEST(Share, GivesEachValueToEachChainInTurn) { EXPECT_EQ(script("a1 a2 a3 |", seconds_and_tens), "10 2 20 30 |"); }

TEST(Share, OfNothingAndOfOne) {
  EXPECT_EQ(script("|", seconds_and_tens), "|");
  EXPECT_EQ(script("a1 |", seconds_and_tens), "10 |");
}

TEST(Share, AChainWithoutStagesIsTheValueItself) {
  EXPECT_EQ(script("a1 a2 |",
                   [](auto in) {
                     return std::move(in) |
                            share([](auto each) { return each; }, [](auto each) { return std::move(each) | map(ten); });
                   }),
            "1 10 2 20 |");
}

TEST(Share, WhatAChainEmitsOfAnotherMomentIsOfThatMoment) {
  EXPECT_EQ(script("@105 a1 @107 a2 |",
                   [](auto in) {
                     return std::move(in) | share([](auto each) { return std::move(each) | as_of_earlier{}; }) |
                            timestamp();
                   }),
            "1@5 2@7 |")
      << "behind it";
  EXPECT_EQ(script("@105 a1 |",
                   [](auto in) {
                     return std::move(in) |
                            share([](auto each) { return std::move(each) | as_of_earlier{} | timestamp(); });
                   }),
            "1@5 |")
      << "and within it";
  EXPECT_EQ(script("@305 a1 |",
                   [](auto in) {
                     return std::move(in) | share([](auto each) {
                              return std::move(each) | as_of_earlier{} | map(ten) | as_of_earlier{} | map(ten);
                            }) |
                            timestamp();
                   }),
            "100@105 |");
  EXPECT_EQ(over(Values{1}, [](auto in) { return std::move(in) | as_of_earlier{} | timestamp(); }).at(0).stamp, -100);
}

TEST(Share, AChainThatATickEndsIsOverThen) {
  EXPECT_EQ(script("@1 a1 @9 b0 ? |",
                   [](auto in) {
                     return std::move(in) | share([](auto each) { return std::move(each) | sample(4ns) | take(1); },
                                                  [](auto each) {
                                                    return std::move(each) | debounce(3ns) | take(1) |
                                                           window(count(2)) | sum();
                                                  });
                   }),
            "1 1 | over");
}

TEST(Share, WorkBeforeItIsDoneOnceForAll) {
  auto count = std::make_shared<int>(0);
  EXPECT_EQ(
      script("a1 a2 |", [&](auto in) { return seconds_and_tens(std::move(in) | tap([count](double) { ++*count; })); }),
      "10 2 20 |");
  EXPECT_EQ(*count, 2);
}

TEST(Share, AtTheEndEachChainEmitsWhatItHas) {
  EXPECT_EQ(script("a1 a2 a3 |",
                   [](auto in) {
                     return std::move(in) | share([](auto each) { return std::move(each) | window(count(2)) | sum(); },
                                                  [](auto each) { return std::move(each) | window(count(5)) | sum(); });
                   }),
            "3 3 6 |");
}

TEST(Share, AChainThatEndsEndsItselfAlone) {
  EXPECT_EQ(script("a1 a2 a3 |",
                   [](auto in) {
                     return std::move(in) |
                            share([](auto each) { return std::move(each) | take(1); }, [](auto each) { return each; });
                   }),
            "1 1 2 3 |");
}

TEST(Share, EndsWhenAllHave) {
  EXPECT_EQ(script("a1 a2 a3 |",
                   [](auto in) {
                     return std::move(in) |
                            share([](auto each) { return std::move(each) | take(1) | map(ten); },
                                  [](auto each) { return std::move(each) | take(2) | window(count(5)) | sum(); });
                   }),
            "10 3 |");
}

TEST(Share, ATakeBehindItEndsAllInTheMiddleOfAnEvent) {
  EXPECT_EQ(script("a1 a2 a3 |", [](auto in) { return seconds_and_tens(std::move(in)) | take(2); }), "10 2 |");
}

TEST(Share, ATakeBeforeItLetsItEmitWhatItHas) {
  EXPECT_EQ(script("a1 a2 a3 a4 |",
                   [](auto in) {
                     return std::move(in) | take(3) |
                            share([](auto each) { return std::move(each) | window(count(2)) | sum(); },
                                  [](auto each) { return std::move(each) | map(ten); });
                   }),
            "10 3 20 30 3 |");
}

TEST(Share, EndedByItsHandleItEmitsNothingMore) { EXPECT_EQ(script("a1 ! a2 |", seconds_and_tens), "10"); }

TEST(Share, AnErrorInAChainFailsThePipelineUnlessTheChainCatchesIt) {
  EXPECT_EQ(script("a1 x |", seconds_and_tens), "10 #");
  const auto throws = [](auto in) {
    return std::move(in) | share([](auto each) { return std::move(each) | map(ten); },
                                 [](auto each) { return std::move(each) | map(ThrowsAt{2}); });
  };
  EXPECT_EQ(script("a1 a2 a3 |", throws), "10 1 20 #");
  const auto caught = [](auto in) {
    return std::move(in) | share(
                               [](auto each) {
                                 return std::move(each) | map(ThrowsAt{2}) | on_error_continue([](std::string_view) {});
                               },
                               [](auto each) { return std::move(each) | map(ten); });
  };
  EXPECT_EQ(script("a1 a2 a3 |", caught), "1 10 20 3 30 |");
  const auto ended = [](auto in) {
    return std::move(in) | share(
                               [](auto each) {
                                 return std::move(each) | map(ThrowsAt{2}) |
                                        catch_error([](std::string_view) { return -1; });
                               },
                               [](auto each) { return std::move(each) | map(ten); });
  };
  EXPECT_EQ(script("a1 a2 a3 |", ended), "1 10 -1 20 30 |");
}

TEST(Share, AnErrorBehindItIsNotCaughtWithin) {
  EXPECT_EQ(script("a1 a2 a3 |",
                   [](auto in) {
                     return std::move(in) | share([](auto each) {
                              return std::move(each) | on_error_continue([](std::string_view) {});
                            }) |
                            map(ThrowsAt{2});
                   }),
            "1 #");
  EXPECT_EQ(script("a1 a2 a3 |",
                   [](auto in) {
                     return std::move(in) | share([](auto each) {
                              return std::move(each) | on_error_continue([](std::string_view) {});
                            }) |
                            map(ThrowsAt{2}) | on_error_continue([](std::string_view) {});
                   }),
            "1 3 |")
      << "and is behind it";
}

TEST(Share, ChainsThatAllEndEndThePipeline) {
  Bus bus({.thread = false});
  std::string output;
  struct Sink {
    std::string& output;
    std::string name;
    void operator()(double x) { output += name + text_of(x) + " "; }
    void end() { output += name + "| "; }
  };
  const Handle handle = input_of<Number>(bus) | share(
                                                    [&](auto each) {
                                                      return std::move(each) | every(2) | subscribe(Sink{output, "x"});
                                                    },
                                                    [&](auto each) {
                                                      return std::move(each) | take(1) | subscribe(Sink{output, "y"});
                                                    });
  for (const double x : {1.0, 2.0, 3.0}) bus.publish(Number{x});
  bus.close();
  EXPECT_EQ(output, "y1 y| x2 x| ");
  EXPECT_EQ(handle->life(), Subscription::Life::completed);
}

TEST(Share, ChainsThatAreSavedMakeThePipelinePartOfCheckpoints) {
  Bus bus({.thread = false});
  const auto nothing = [](double) {};
  const Handle handle =
      input_of<Number>(bus) | share([&](auto each) { return std::move(each) | subscribe(saved, nothing); },
                                    [&](auto each) { return std::move(each) | subscribe(saved, nothing); });
  EXPECT_TRUE(handle->options().saved);
  const Handle one_of_two =
      input_of<Number>(bus) | share([&](auto each) { return std::move(each) | subscribe(nothing); },
                                    [&](auto each) { return std::move(each) | subscribe(saved, nothing); });
  EXPECT_TRUE(one_of_two->options().saved);
  const Handle plain = input_of<Number>(bus) | share([&](auto each) { return std::move(each) | subscribe(nothing); });
  EXPECT_FALSE(plain->options().saved);
}

TEST(Share, AChainSeesTheStampOfWhatIsEmittedForAnotherMoment) {
  EXPECT_EQ(script("@1 a1 @2 a2 @9 t |",
                   [](auto in) {
                     return std::move(in) | share([](auto each) { return std::move(each) | delay(3ns) | timestamp(); });
                   }),
            script("@1 a1 @2 a2 @9 t |", [](auto in) { return std::move(in) | delay(3ns) | timestamp(); }));
}

TEST(Share, TicksReachItsChains) {
  const auto alone = [](auto in) { return std::move(in) | debounce(2ns); };
  EXPECT_EQ(script("@1 a1 @2 a2 @9 t @20 a3 |", [&](auto in) { return std::move(in) | share(alone); }),
            script("@1 a1 @2 a2 @9 t @20 a3 |", alone));
  EXPECT_TRUE(Driven([&](auto in) { return std::move(in) | share(alone); }).handle()->options().wall_time);
  EXPECT_FALSE(Driven(seconds_and_tens).handle()->options().wall_time);
}

TEST(Share, OneChainOfTwoMayDependOnClocks) {
  const auto one_timed = [](auto in) {
    return std::move(in) | share([](auto each) { return std::move(each) | every(2); },
                                 [](auto each) { return std::move(each) | debounce(2ns); });
  };
  EXPECT_EQ(script("@1 a1 @9 t a5 |", one_timed), "1 5 5 |")
      << "what waited comes with the tick, not with the next value";
  EXPECT_TRUE(Driven(one_timed).handle()->options().wall_time);
}

TEST(Share, WhatAChainHasToSayFinallyIsSaid) {
  for (const char* words : {"a1 |", "a1 !", "a1 x"}) {
    int calls = 0;
    (void)script(words, [&](auto in) {
      return std::move(in) | share([&](auto each) { return std::move(each) | finally([&] { ++calls; }); },
                                   [](auto each) { return each; });
    });
    EXPECT_EQ(calls, 1) << words;
  }
}

TEST(Share, BehindAndBeforeObserveOn) {
  EXPECT_EQ(script("a1 a2 a3 |", [](auto in) { return seconds_and_tens(std::move(in) | observe_on(io)); }),
            "10 2 20 30 |");
  EXPECT_EQ(script("a1 a2 a3 |", [](auto in) { return seconds_and_tens(std::move(in)) | observe_on(io); }),
            "10 2 20 30 |");
}

TEST(Share, WithinAShare) {
  EXPECT_EQ(script("a1 a2 |",
                   [](auto in) { return std::move(in) | share(seconds_and_tens, [](auto each) { return each; }); }),
            "10 1 2 20 2 |");
}

TEST(Share, AHandlerMayPublishWhatItListensTo) {
  EXPECT_EQ(answered(3, [](auto a, auto) { return std::move(a) | share([](auto each) { return each; }); }),
            "1 11 2 12 ");
}

TEST(Share, IsWhatItsReferenceSays) {
  compare(seconds_and_tens, [](const Moments& stream) {
    Values out;
    std::size_t count = 0;
    for (const double x : values_of(stream)) {
      if (++count % 2 == 0) out.push_back(x);
      out.push_back(10 * x);
    }
    return out;
  });
}

TEST(Share, SavesItsChains) {
  const auto some = [](auto in) {
    return std::move(in) | share([](auto each) { return std::move(each) | window(count(3)) | sum() | take(2); },
                                 [](auto each) { return std::move(each) | debounce(2ns); });
  };
  expect_same_at_every_cut("share", some);
  expect_words_for_damage("share", some);
}

template <class P, class Op>
concept Follows = requires(P pipe, Op op) {
  std::move(pipe) | std::move(op);
};
TEST(Share, ChainsOfUnlikeTypesAreRefused) {
  const auto words = [](auto each) { return std::move(each) | map([](double) { return std::string(); }); };
  const auto same = [](auto each) { return each; };
  using In = decltype(std::declval<Source<Number>>() | map(&Number::value));
  static_assert(Follows<In, decltype(share(same, same))>);
  EXPECT_FALSE((Follows<In, decltype(share(same, words))>));
}

TEST(Share, IsOverAsSoonAsAllChainsAre) {
  EXPECT_EQ(script("a1 ? a2 ? a3 |",
                   [](auto in) {
                     return std::move(in) | share([](auto each) { return std::move(each) | take(1); },
                                                  [](auto each) { return std::move(each) | take(2); });
                   }),
            "1 1 on 2 | over");
}

TEST(Share, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(seconds_and_tens); }

}  // namespace
