#include "operators/two_inputs.hpp"
#include "operators/usual_cases.hpp"

namespace {
using namespace sidestep;
using namespace sidestep::test;

/// What a chain of Numbers collects; "#" if it failed.
template <class Build>
std::string collected(const Values& values, Build build) {
  Bus bus({.thread = false});
  std::vector<double> into;
  const Handle handle = build(bus.on<Number>() | map(&Number::value), into);
  for (const double x : values) bus.publish(Number{x});
  bus.close();
  std::string text;
  for (const double x : into) text += text_of(x) + " ";
  return text + (handle->failed() ? "#" : "");
}
constexpr auto three = [](auto in, auto& into) { return std::move(in) | collect(into, 3); };

TEST(Collect, AppendsEachValue) {
  EXPECT_EQ(collected({1, 2, 3}, three), "1 2 3 ");
  EXPECT_EQ(collected({1}, three), "1 ");
  EXPECT_EQ(collected({}, three), "");
}

TEST(Collect, OneMoreThanThereIsRoomForFailsIt) {
  EXPECT_EQ(collected({1, 2, 3, 4, 5}, three), "1 2 3 #");
  Bus bus({.thread = false});
  std::vector<double> into;
  const Handle handle = bus.on<Number>() | map(&Number::value) | collect(into, 1);
  bus.publish(Number{1});
  bus.publish(Number{2});
  bus.close();
  EXPECT_NE(handle->error().find("collect: there is room for 1 values"), std::string::npos) << handle->error();
}

TEST(Collect, WhoSaysUnboundedGetsAll) {
  EXPECT_EQ(
      collected(Values(5000, 1), [](auto in, auto& into) { return std::move(in) | collect(into, unbounded); }).size(),
      10'000u);
}

TEST(Collect, AppendsToWhatIsThere) {
  EXPECT_EQ(collected({1, 2}, [](auto in, auto& into) { return into.push_back(7), std::move(in) | collect(into, 2); }),
            "7 1 2 ");
}

TEST(Collect, TakesWhatConverts) {
  Bus bus({.thread = false});
  std::vector<double> into;
  bus.on<Number>() | map([](const Number& n) { return static_cast<int>(n.value); }) | collect(into, 3);
  bus.publish(Number{1.5});
  bus.close();
  EXPECT_EQ(into, (Values{1}));
}

TEST(Collect, TakesWholeEvents) {
  Bus bus({.thread = false});
  std::vector<BatchEnd> into;
  bus.on<BatchEnd>() | collect(into, 3);
  bus.publish(BatchEnd{.step = 4});
  bus.close();
  ASSERT_EQ(into.size(), 1u);
  EXPECT_EQ(into[0].step, 4);
}

TEST(Collect, HasWhatCompletingEmits) {
  EXPECT_EQ(collected({1, 2, 3},
                      [](auto in, auto& into) { return std::move(in) | window(count(2)) | sum() | collect(into, 3); }),
            "3 3 ");
  EXPECT_EQ(collected({1, 2, 3}, [](auto in, auto& into) { return std::move(in) | take(2) | collect(into, 3); }),
            "1 2 ");
}

TEST(Collect, KeepsWhatItHasWhenAStageBeforeItThrows) {
  EXPECT_EQ(
      collected({1, 2, 3}, [](auto in, auto& into) { return std::move(in) | map(ThrowsAt{2}) | collect(into, 3); }),
      "1 #");
}

TEST(Collect, EndedByItsHandleItGetsNothingMore) {
  Bus bus({.thread = false});
  std::vector<double> into;
  const Handle handle = bus.on<Number>() | map(&Number::value) | collect(into, 3);
  bus.publish(Number{1});
  while (bus.poll()) {
  }
  handle->end();
  bus.publish(Number{2});
  bus.close();
  EXPECT_EQ(into, (Values{1}));
}

TEST(Collect, BehindObserveOn) {
  EXPECT_EQ(collected({1, 2, 3}, [](auto in, auto& into) { return std::move(in) | observe_on(io) | collect(into, 3); }),
            "1 2 3 ");
}

TEST(Collect, WithinAShareEachHasItsOwn) {
  Bus bus({.thread = false});
  std::vector<double> all, some;
  bus.on<Number>() | map(&Number::value) |
      share([&](auto in) { return std::move(in) | collect(all, 4); },
            [&](auto in) { return std::move(in) | every(2) | collect(some, 2); });
  for (const double x : {1.0, 2.0, 3.0}) bus.publish(Number{x});
  bus.close();
  EXPECT_EQ(all, (Values{1, 2, 3}));
  EXPECT_EQ(some, (Values{2}));
}

TEST(Collect, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  const auto chain = [](auto before, std::size_t room) {
    return [=](Bus& bus, Watched& watched) {
      const auto into = std::make_shared<Values>();
      watched.when_over = [&watched, into, room] {
        std::vector<std::string> fit = watched.values;
        fit.resize(std::min(fit.size(), room));
        EXPECT_EQ(shown(*into), shown(fit)) << "it holds what came to it, and nothing else";
      };
      return before(drawn_source<Number>(bus)) | watched_by{&watched} | collect(*into, static_cast<std::int64_t>(room));
    };
  };
  const auto unchanged = [](auto in) { return in; };
  expect_usual_cases_of(chain(unchanged, 40));
  expect_usual_cases_of(chain(unchanged, 4));
  expect_usual_cases_of(chain([](auto in) { return std::move(in) | window(count(3)) | sum(); }, 40));
}

TEST(Collect, RefusesNoRoom) {
  std::vector<double> into;
  EXPECT_THROW(collect(into, 0), OperatorError);
  EXPECT_THROW(collect(into, -1), OperatorError);
}

TEST(Collect, DescribesItself) {
  Bus bus({.thread = false});
  std::vector<double> into;
  const Handle bounded = bus.on<Number>() | map(&Number::value) | collect(into, 3);
  const Handle free = bus.on<Number>() | map(&Number::value) | collect(into, unbounded);
  EXPECT_EQ(bounded->pipeline().describe().back(), "collect(3)");
  EXPECT_EQ(free->pipeline().describe().back(), "collect(unbounded)");
  bus.publish(Number{1});
  bus.flush();
  EXPECT_EQ(bounded->pipeline().describe().back(), "collect(3)") << "however many there are";
}

TEST(Collect, IsNoPartOfACheckpoint) { static_assert(!Saveable<detail::Collect<double>>); }

TEST(Collect, IsWhatAReferenceMakesOfRandomStreams) {
  expect_of_random_streams([](const Moments& stream, std::size_t span) {
    const std::size_t most = 2 * span;
    Bus bus({.ring_capacity = 16, .thread = false});
    std::vector<double> into;
    const Handle handle = bus.on<Number>() | map(&Number::value) | collect(into, static_cast<std::int64_t>(most));
    feed(handle->pipeline(), stream);
    const Values all = values_of(stream);
    return near(into, Values(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min(most, all.size())))) &&
           handle->failed() == (all.size() > most);
  });
}

}  // namespace
