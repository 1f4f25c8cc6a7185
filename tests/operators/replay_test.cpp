#include "operators/two_inputs.hpp"
#include "operators/usual_cases.hpp"

#include <thread>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

/// What a chain keeps of a script for those who come later.
std::vector<double> kept(std::string_view words, std::int64_t n) {
  const auto last = replay<double>(n);
  (void)script(words, [&](auto in) { return std::move(in) | tap(last); });
  return last.values();
}

TEST(Replay, KeepsTheLastN) { EXPECT_EQ(kept("a1 a2 a3 |", 2), (Values{2, 3})); }

TEST(Replay, OfNothingOneAndExactlyN) {
  EXPECT_EQ(kept("|", 2), Values{});
  EXPECT_EQ(kept("a1 |", 2), (Values{1}));
  EXPECT_EQ(kept("a1 a2 |", 2), (Values{1, 2}));
  EXPECT_EQ(kept("a1 a2 a3 |", 1), (Values{3}));
}

TEST(Replay, KeepsThemWhenTheStreamIsOverFailedOrEnded) {
  EXPECT_EQ(kept("a1 a2 x", 5), (Values{1, 2}));
  EXPECT_EQ(kept("a1 a2 ! a3", 5), (Values{1, 2}));
}

TEST(Replay, LetsValuesPass) {
  EXPECT_EQ(script("a1 a2 |", [](auto in) { return std::move(in) | tap(replay<double>(1)); }), "1 2 |");
}

TEST(Replay, WhoSubscribesGetsWhatIsKeptAndThenEachThatComes) {
  auto last = replay<double>(2);
  std::string seen;
  last(0), last(1), last(2);
  auto later = last;
  later.subscribe([&](double x) { seen += text_of(x) + " "; });
  EXPECT_EQ(seen, "1 2 ");
  later(3);
  EXPECT_EQ(seen, "1 2 3 ");
}

TEST(Replay, SeveralMaySubscribe) {
  auto last = replay<double>(1);
  std::string seen;
  last.subscribe([&](double x) { seen += "a" + text_of(x) + " "; });
  last(1);
  last.subscribe([&](double x) { seen += "b" + text_of(x) + " "; });
  last(2);
  EXPECT_EQ(seen, "a1 b1 a2 b2 ");
}

TEST(Replay, MayEndAChain) {
  Bus bus({.thread = false});
  const auto last = replay<double>(2);
  input_of<Number>(bus) | subscribe(last);
  for (const double x : {1.0, 2.0, 3.0}) bus.publish(Number{x});
  bus.close();
  EXPECT_EQ(last.values(), (Values{2, 3}));
}

TEST(Replay, ASubscriberThatThrowsFailsThePipelineAlone) {
  auto last = replay<double>(2);
  last.subscribe([](double x) { (void)ThrowsAt{2}(x); });
  EXPECT_EQ(script("a1 a2 a3 |", [&](auto in) { return std::move(in) | tap(last); }), "1 #");
  EXPECT_EQ(last.values(), (Values{1, 2})) << "it was kept before it was shown";
}

TEST(Replay, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  const auto expect_the_newest = [](const Replay<double>& last, const Watched& watched) {
    std::vector<std::string> newest = watched.values;
    if (newest.size() > 3) newest.erase(newest.begin(), newest.end() - 3);
    EXPECT_EQ(shown(last.values()), shown(newest)) << "it keeps what came to it, and nothing else";
  };
  expect_usual_cases_of([=](Bus& bus, Watched& watched) {
    const auto last = replay<double>(3);
    watched.when_over = [&watched, last, expect_the_newest] { expect_the_newest(last, watched); };
    return drawn_source<Number>(bus) | tap(last) | subscribe(WatchedSink{&watched});
  });
  expect_usual_cases_of([=](Bus& bus, Watched& watched) {  // who answers has subscribed to it
    auto last = replay<double>(3);
    last.subscribe([&watched](double value) { watched.value(shown(value)); });
    watched.when_over = [&watched, last, expect_the_newest] { expect_the_newest(last, watched); };
    return drawn_source<Number>(bus) | every(2) | subscribe(last);
  });
}

TEST(Replay, RefusesLessThanOne) {
  EXPECT_THROW(replay<double>(0), OperatorError);
  EXPECT_THROW(replay<double>(-1), OperatorError);
}

TEST(Replay, HasNoStateThatACheckpointKnows) { static_assert(!KnownState<Replay<double>>); }

TEST(Replay, BehindObserveOn) {
  const auto last = replay<double>(2);
  EXPECT_EQ(script("a1 a2 a3 |", [&](auto in) { return std::move(in) | observe_on(io) | tap(last); }), "1 2 3 |");
  EXPECT_EQ(last.values(), (Values{2, 3}));
}

TEST(Replay, WhoSubscribesInMidRunSeesEachValueOnceAndInOrder) {
  auto last = replay<double>(4);
  Bus bus;
  input_of<Number>(bus) | subscribe(last);
  std::vector<std::vector<double>> seen(4);
  std::vector<std::thread> threads;
  for (auto& mine : seen)
    threads.emplace_back([&mine, later = last]() mutable {
      while (later.values().empty()) std::this_thread::yield();
      later.subscribe([&mine](double x) { mine.push_back(x); });
    });
  Producer producer = bus.producer("test");
  for (int i = 1; i <= 5000; ++i) producer.publish(Number{static_cast<double>(i)});
  for (std::thread& thread : threads) thread.join();
  bus.close();
  for (const auto& mine : seen) {
    ASSERT_FALSE(mine.empty());
    EXPECT_EQ(mine.back(), 5000);
    for (std::size_t i = 1; i < mine.size(); ++i) ASSERT_EQ(mine[i], mine[i - 1] + 1);
  }
}

TEST(Replay, IsWhatAReferenceMakesOfRandomStreams) {
  expect_of_random_streams([](const Moments& stream, std::size_t span) {
    const auto last = replay<double>(static_cast<std::int64_t>(span));
    const Values all = values_of(stream);
    Values out;
    Bus bus({.ring_capacity = 16, .thread = false});
    const Handle handle =
        bus.on<Number>() | map(&Number::value) | tap(last) | subscribe([&](double x) { out.push_back(x); });
    feed(handle->pipeline(), stream);
    return near(out, all) &&
           near(last.values(), Values(all.end() - static_cast<std::ptrdiff_t>(std::min(span, all.size())), all.end()));
  });
}

}  // namespace
