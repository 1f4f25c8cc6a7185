#include "operators/answered.hpp"
#include "operators/two_inputs.hpp"
#include "operators/usual_cases.hpp"

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

/// What comes out of a script, with "f" where the functor is called.
template <class Before, class Behind>
std::string with_finally(std::string_view words, Before before, Behind behind) {
  std::string calls;
  std::string text =
      script(words, [&](auto in) { return behind(before(std::move(in)) | finally([&] { calls += " f"; })); });
  return text + calls;
}
constexpr auto as_it_is = [](auto in) { return in; };

TEST(Finally, IsCalledWhenTheStreamCompletes) {
  EXPECT_EQ(with_finally("a1 a2 |", as_it_is, as_it_is), "1 2 | f");
  EXPECT_EQ(with_finally("|", as_it_is, as_it_is), "| f");
  EXPECT_EQ(with_finally("a1", as_it_is, as_it_is), "1 | f") << "the bus closes when it goes";
}

TEST(Finally, IsCalledOnceWhateverComesLater) {
  EXPECT_EQ(with_finally(
                "a1 a2 a3 |", [](auto in) { return std::move(in) | take(2); }, as_it_is),
            "1 2 | f");
  EXPECT_EQ(with_finally("a1 a2 ! |", as_it_is, as_it_is), "1 2 f");
  EXPECT_EQ(with_finally("a1 x |", as_it_is, as_it_is), "1 # f");
}

TEST(Finally, IsCalledWhenTheStreamIsEndedBehindIt) {
  EXPECT_EQ(with_finally("a1 a2 a3 |", as_it_is, [](auto in) { return std::move(in) | take(2); }), "1 2 | f");
}

TEST(Finally, IsCalledWhenAStageBeforeOrBehindItThrows) {
  EXPECT_EQ(with_finally(
                "a1 a2 a3 |", [](auto in) { return std::move(in) | map(ThrowsAt{2}); }, as_it_is),
            "1 # f");
  EXPECT_EQ(with_finally("a1 a2 a3 |", as_it_is, [](auto in) { return std::move(in) | map(ThrowsAt{2}); }), "1 # f");
  EXPECT_EQ(with_finally("a1 a2 |", as_it_is,
                         [](auto in) { return std::move(in) | window(count(5)) | sum() | map(ThrowsAt{3}); }),
            "# f")
      << "at the end too";
}

TEST(Finally, IsNotCalledForAnErrorThatIsCaught) {
  EXPECT_EQ(with_finally(
                "a1 a2 a3 |",
                [](auto in) { return std::move(in) | map(ThrowsAt{2}) | on_error_continue([](std::string_view) {}); },
                as_it_is),
            "1 3 | f");
}

TEST(Finally, IsCalledAtOnceWhenTheHandleEndsIt) {
  ManualClock clock;
  Bus bus({.clock = &clock, .thread = false});
  int calls = 0;
  const Handle handle = input_of<Number>(bus) | finally([&] { ++calls; }) | subscribe([](double) {});
  bus.publish(Number{1});
  while (bus.poll()) {
  }
  EXPECT_EQ(calls, 0);
  handle->end();
  while (bus.poll()) {
  }
  EXPECT_EQ(calls, 1);
  bus.close();
  EXPECT_EQ(calls, 1);
}

TEST(Finally, IsCalledBehindWhatCompletingEmits) {
  std::string order;
  Bus bus({.thread = false});
  input_of<Number>(bus) | window(count(5)) | sum() | finally([&] { order += "f"; }) |
      subscribe([&](double x) { order += text_of(x); });
  bus.publish(Number{3});
  bus.close();
  EXPECT_EQ(order, "3f");
}

TEST(Finally, AHandlerThatEndsItsOwnPipeline) {
  std::string order;
  Bus bus({.thread = false});
  Handle handle;
  handle = input_of<Number>(bus) | finally([&] { order += "f"; }) | subscribe([&](double x) {
             order += text_of(x);
             if (x == 2) handle->end();
           });
  for (const double x : {1.0, 2.0, 3.0}) bus.publish(Number{x});
  bus.close();
  EXPECT_EQ(order, "12f");
}

TEST(Finally, WhatItThrowsIsLost) {
  for (const char* words : {"a1 |", "a1 !", "a1"}) {
    std::string error;
    int calls = 0;
    const std::string out = script(
        words, [&](auto in) { return std::move(in) | finally([&] { ++calls, throw std::runtime_error("f"); }); },
        &error);
    EXPECT_EQ(out.find('#'), std::string::npos) << words;
    EXPECT_EQ(error, "") << words;
    EXPECT_EQ(calls, 1) << words;
  }
}

TEST(Finally, SeveralInOneChain) {
  std::string order;
  (void)script("a1 |", [&](auto in) {
    return std::move(in) | finally([&] { order += "1"; }) | map(ThrowsAt{9}) | finally([&] { order += "2"; });
  });
  EXPECT_EQ(order, "12");
}

TEST(Finally, OnBothSidesOfObserveOn) {
  for (const char* words : {"a1 |", "a1 a2 !", "a1 x"}) {
    std::atomic<int> before{0}, behind{0};
    (void)script(words, [&](auto in) {
      return std::move(in) | finally([&] { ++before; }) | observe_on(io) | finally([&] { ++behind; });
    });
    EXPECT_EQ(before, 1) << words;
    EXPECT_EQ(behind, 1) << words;
  }
}

TEST(Finally, BeforeAnObserveOnWhenALaterPartFails) {
  for (const char* words : {"a1 a2 |", "a1 a2 a3 a3 |"}) {
    std::atomic<int> first{0}, middle{0}, last{0};
    EXPECT_EQ(script(words,
                     [&](auto in) {
                       return std::move(in) | finally([&] { ++first; }) | observe_on(io) | finally([&] { ++middle; }) |
                              observe_on(io) | finally([&] { ++last; }) | map(ThrowsAt{2}) | ignore_elements();
                     }),
              "#");
    EXPECT_EQ(first, 1) << words;
    EXPECT_EQ(middle, 1) << words;
    EXPECT_EQ(last, 1) << words;
  }
}

TEST(Finally, IsNotPutOffUntilTheBusCloses) {
  Bus bus({.thread = false});
  std::atomic<bool> called{false};
  input_of<Number>(bus) | finally([&] { called = true; }) | observe_on(io) |
      subscribe([](double) { throw std::runtime_error("late"); });
  bus.publish(Number{1});
  while (!called) bus.poll();
  bus.close();
}

TEST(Finally, WhenTheBusFailsItBeforeItsHandlerHasSeenAnything) {
  std::string order;
  Bus bus({.thread = false});
  const Handle handle = bus.on<Number>().overload(fail_beyond(2)) | finally([&] { order += "f"; }) |
                        subscribe([&](const Number& number) { order += text_of(number.value); });
  for (const double x : {1.0, 2.0, 3.0, 4.0}) bus.publish(Number{x});
  while (bus.poll()) {
  }
  EXPECT_TRUE(handle->failed());
  bus.close();
  EXPECT_EQ(order, "f");
}

TEST(Finally, ABranchOfAMergeThatEndsIsNotThePipelinesEnd) {
  std::string order;
  (void)script("a1 b1 a2 b2 |", [&](auto a, auto b) {
    return merge(std::move(a) | take(1) | finally([&] { order += "f"; }), std::move(b)) |
           tap([&](double x) { order += text_of(x); });
  });
  EXPECT_EQ(order, "112f");
}

TEST(Finally, IsNotCalledAgainInARunThatIsResumed) {
  static int calls;
  calls = 0;
  const auto build = [](auto in) { return std::move(in) | take(1) | finally([] { ++calls; }); };
  Driven first(build);
  const Moments stream{{1, 1.0}};
  first.run(stream.data(), stream.data() + 1, 1);
  EXPECT_EQ(calls, 1);
  States states = first.save();
  Driven second(build);
  second.load(states);
  second.end(2);
  EXPECT_EQ(calls, 1);
}

/// Says how many were made before it; in a run that is resumed, what it said in the one before.
struct Made {
  static inline int made = 0;
  static inline std::string said;
  int number = made++;
  void operator()() { said += std::to_string(number) + " "; }
  void state(auto& archive) { archive(number); }
};
TEST(Finally, TheStateOfItsFunctorIsSaved) {
  const auto build = [](auto in) { return std::move(in) | finally(Made{}); };
  Made::made = 3, Made::said.clear();
  Driven first(build);
  States states = first.save();
  Driven second(build);
  second.load(states);
  second.end(2);
  EXPECT_EQ(Made::said, "3 ");
}

TEST(Finally, ItsPipelineIsSaved) {
  const auto chain = [](auto in) { return std::move(in) | every(2) | finally([] {}) | take(3); };
  expect_same_at_every_cut("finally", chain);
  expect_words_for_damage("finally", chain);
}

TEST(Finally, IsCalledOnceForEachOfManyRandomStreams) {
  expect_of_random_streams([](const Moments& stream, std::size_t span) {
    Bus bus({.ring_capacity = 16, .thread = false});
    int calls = 0;
    Values out;
    const Handle handle = bus.on<Number>() | map(&Number::value) | take(static_cast<std::int64_t>(2 * span)) |
                          finally([&] { ++calls; }) | subscribe([&](double x) { out.push_back(x); });
    feed(handle->pipeline(), stream);
    Values first = values_of(stream);
    first.resize(std::min(first.size(), 2 * span));
    return calls == 1 && near(out, first);
  });
}

TEST(Finally, AHandlerMayPublishWhatItListensTo) {
  EXPECT_EQ(answered(3, [](auto in) { return std::move(in) | finally([] {}); }), "1 11 2 12 ");
}

TEST(Finally, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  expect_usual_cases([](auto in) { return std::move(in) | finally([] {}); });
}

}  // namespace
