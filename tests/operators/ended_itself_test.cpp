#include "operators/events.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

/// A function of a pipeline ends it: it sees nothing more, and what stands behind it at most what comes of the value at
/// hand.
namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

/// Events at 0, 10, 20 ... ns, a tick behind each, and the end of the bus.
void give_all(Bus& bus, ManualClock& clock) {
  for (int i = 1; i <= 5; ++i) {
    bus.publish(Number{static_cast<double>(i)});
    bus.publish(BothNumber{static_cast<double>(i)});
    bus.flush();
    clock.advance(10);
    while (bus.poll()) {
    }
  }
  bus.close();
}

struct Seen {
  // of the function, of it behind its end, of what stands behind it behind its end
  int values = 0, late = 0, behind = 0;
};
/// `build(bus, f, g)` makes a pipeline of f, which ends it at its n-th value, and g behind it.
Seen ended_at(int n, auto build) {
  Seen seen;
  bool ended = false;
  ManualClock clock;
  Bus bus({.clock = &clock, .thread = false});
  Handle handle;
  handle = build(
      bus,
      [&](const auto&) {
        seen.late += ended ? 1 : 0;
        if (++seen.values == n) ended = true, handle->end();
      },
      [&](const auto&) { seen.behind += ended ? 1 : 0; });
  give_all(bus, clock);
  return seen;
}
#define EXPECT_NOTHING_MORE(...)                                                     \
  for (int n = 1; n <= 4; ++n) {                                                     \
    const Seen seen = ended_at(n, __VA_ARGS__);                                      \
    EXPECT_EQ(seen.values, n) << "it never came to its end, or further";             \
    EXPECT_EQ(seen.late, 0) << "ended at " << n;                                     \
    EXPECT_LE(seen.behind, 1) << "ended at " << n << ": what stands behind it sees"; \
  }

auto numbers(Bus& bus) { return bus.on<Number>() | map(&Number::value); }

TEST(EndedItself, AnEndSeesNothingMoreOfTheEvent) {
  EXPECT_NOTHING_MORE([](Bus& bus, auto f, auto) { return numbers(bus) | start_with(7, 8, 9, 10) | subscribe(f); });
  EXPECT_NOTHING_MORE(
      [](Bus& bus, auto f, auto) { return merge(input_of<Number>(bus), input_of<OtherNumber>(bus)) | subscribe(f); });
}

TEST(EndedItself, AnEndWithinShareSeesNothingMore) {
  EXPECT_NOTHING_MORE([](Bus& bus, auto f, auto) {
    return numbers(bus) | share([f](auto in) { return std::move(in) | start_with(7, 8, 9, 10) | subscribe(f); });
  });
  EXPECT_NOTHING_MORE([](Bus& bus, auto f, auto) {  // in each of two
    const auto end = [f](auto in) { return std::move(in) | subscribe(f); };
    return numbers(bus) | share(end, end);
  });
}

TEST(EndedItself, AnEndWithinShareSeesNothingMoreOfATickOrTheEnd) {
  EXPECT_NOTHING_MORE([](Bus& bus, auto f, auto) {
    const auto end = [f](auto in) { return std::move(in) | debounce(5ns) | subscribe(f); };
    return numbers(bus) | share(end, end, end);
  });
  EXPECT_NOTHING_MORE([](Bus& bus, auto f, auto) {
    const auto end = [f](auto in) { return std::move(in) | take_last(2) | subscribe(f); };
    return numbers(bus) | share(end, end);
  });
}

TEST(EndedItself, AnEndWithinGroupBySeesNothingMore) {
  EXPECT_NOTHING_MORE([](Bus& bus, auto f, auto) {
    const auto end = [f](auto in) { return std::move(in) | start_with(7, 8, 9, 10) | subscribe(f); };
    return numbers(bus) | group_by([](double) { return 1; }, at_most(4), end);
  });
  EXPECT_NOTHING_MORE([](Bus& bus, auto f, auto) {  // five groups, each with an open window at the end
    const auto end = [f](auto in) { return std::move(in) | window(count(2)) | sum() | subscribe(f); };
    return numbers(bus) | group_by([](double x) { return x; }, at_most(9), end);
  });
}

TEST(EndedItself, ATapSeesNothingMoreAndWhatIsBehindItAtMostTheValueAtHand) {
  EXPECT_NOTHING_MORE([](Bus& bus, auto f, auto g) { return numbers(bus) | tap(f) | subscribe(g); });
  EXPECT_NOTHING_MORE(
      [](Bus& bus, auto f, auto g) { return numbers(bus) | start_with(7, 8, 9, 10) | tap(f) | subscribe(g); });
  EXPECT_NOTHING_MORE([](Bus& bus, auto f, auto g) {
    return numbers(bus) | start_with(7, 8, 9, 10) | tap(f) | map(std::identity{}) | start_with(1, 2) | subscribe(g);
  });
  EXPECT_NOTHING_MORE(
      [](Bus& bus, auto f, auto g) { return numbers(bus) | take_last(5) | tap(f) | take_last(3) | subscribe(g); });
  EXPECT_NOTHING_MORE([](Bus& bus, auto f, auto g) {
    return numbers(bus) | take(4) | tap(f) | window(count(9)) | sum() | subscribe(g);
  });
  EXPECT_NOTHING_MORE(
      [](Bus& bus, auto f, auto g) { return numbers(bus) | delay(30ns) | tap(f) | delay(1ns) | subscribe(g); });
  EXPECT_NOTHING_MORE([](Bus& bus, auto f, auto g) {
    const auto several = [f](auto in) { return std::move(in) | start_with(7, 8, 9, 10) | tap(f); };
    return numbers(bus) | share(several, [f](auto in) { return std::move(in) | tap(f); }) | subscribe(g);
  });
  EXPECT_NOTHING_MORE([](Bus& bus, auto f, auto g) {  // one event, by both
    return merge(input_of<Number>(bus) | tap(f), input_of<OtherNumber>(bus) | tap(f)) | subscribe(g);
  });
  EXPECT_NOTHING_MORE([](Bus& bus, auto f, auto g) {
    return numbers(bus) | observe_on(io) | start_with(7, 8, 9, 10) | tap(f) | observe_on(io) | subscribe(g);
  });
}

/// Emits at each tick.
struct beats {
  static constexpr bool wall_time = true, at_most_one = true;
  template <class In>
  using out = double;
  void operator()(double value, auto&& out) { out(value); }
  void tick(auto&& out) { out(7.0); }
};
TEST(EndedItself, NothingMoreComesOfATickOrTheEndFromOtherStages) {
  EXPECT_NOTHING_MORE(
      [](Bus& bus, auto f, auto g) { return numbers(bus) | beats{} | beats{} | tap(f) | subscribe(g); });
  EXPECT_NOTHING_MORE([](Bus& bus, auto f, auto g) {
    return numbers(bus) | window(count(2)) | sum() | materialize{} | tap(f) | subscribe(g);
  });
  EXPECT_NOTHING_MORE([](Bus& bus, auto f, auto g) {
    return numbers(bus) | share([f](auto in) { return std::move(in) | beats{} | beats{} | tap(f); }) | subscribe(g);
  });
  EXPECT_NOTHING_MORE([](Bus& bus, auto f, auto g) {
    return numbers(bus) |
           share([f](auto in) { return std::move(in) | window(count(2)) | sum() | materialize{} | tap(f); }) |
           subscribe(g);
  });
}

// Behind an observe_on too, where a tick may stand in its queue already.
struct again {
  static constexpr bool wall_time = true;
  double last = 0;
  template <class In>
  using out = double;
  void operator()(double value, auto&& out) { out(last = value); }
  void tick(auto&& out) { out(last); }
  void end(auto&& out) { out(last); }
};
TEST(EndedItself, ATapBetweenTwoThreadsSeesNoTickThatWaits) {
  ManualClock clock;
  Bus bus({.clock = &clock, .thread = false});
  std::atomic<int> called{0};
  std::atomic<bool> go_on{false};
  Handle handle;
  handle = numbers(bus) | observe_on(io) | again{} | tap([&](double) {
             // release: pairs with the acquire of whoever waits for the call
             if (called.fetch_add(1, std::memory_order_release) > 0) return;
             called.notify_one();
             go_on.wait(false, std::memory_order_acquire);  // pairs with the release below
             handle->end();
           }) |
           observe_on(io) | subscribe([](double) {});
  bus.publish(Number{1});
  while (bus.poll()) {
  }
  called.wait(0, std::memory_order_acquire);
  clock.advance(10);
  while (bus.poll()) {  // the tick is in the queue
  }
  go_on.store(true, std::memory_order_release);
  go_on.notify_one();
  bus.close();
  EXPECT_EQ(called.load(std::memory_order_relaxed), 1);
  EXPECT_EQ(handle->life(), Subscription::Life::ended);
}

// What it held is gone, and who was to be told of its end is told.
TEST(EndedItself, AGroupThatMakesRoomForAnotherIsClosed) {
  int closed = 0, sums = 0;
  Bus bus({.thread = false});
  Handle handle;
  handle = numbers(bus) | tap([&](double x) {
             if (x == 2) handle->end();
           }) |
           group_by([](double x) { return x; }, at_most(1).replacing(),
                    [&](auto in) {
                      return std::move(in) | window(count(9)) | sum() | finally([&] { ++closed; }) |
                             subscribe([&](double) { ++sums; });
                    });
  for (const double x : {1.0, 2.0, 3.0}) bus.publish(Number{x});
  bus.close();
  EXPECT_EQ(sums, 0);
  EXPECT_EQ(closed, 2);
}

TEST(EndedItself, WhatItsHandlerRunsOverARangeIsWhole) {
  std::vector<std::vector<double>> all;
  Bus bus({.thread = false});
  Handle handle;
  handle = numbers(bus) | start_with(7) | subscribe([&](double) {
             handle->end();
             all.push_back(over(std::vector<double>{1, 2}, [](auto in) {
               return std::move(in) | start_with(0) | share([](auto one) { return std::move(one) | take_last(2); });
             }));
           });
  bus.publish(Number{1});
  bus.close();
  EXPECT_EQ(all, (std::vector<std::vector<double>>{{1, 2}})) << "once, and what start_with and take_last emit";
}

TEST(EndedItself, WhatItsHandlerRunsOverARangeIsWholeThoughItEndsItWithin) {
  std::vector<std::vector<double>> all;
  Bus bus({.thread = false});
  Handle handle;
  handle = numbers(bus) | start_with(7) | subscribe([&](double) {
             all.push_back(over(std::vector<double>{1, 2, 3}, [&](auto in) {
               return std::move(in) | tap([&](double) { handle->end(); }) | map(std::identity{});
             }));
           });
  bus.publish(Number{1});
  bus.close();
  EXPECT_EQ(all, (std::vector<std::vector<double>>{{1, 2, 3}})) << "once";
}

// A run over a range leaves alone what the bus knows of the handler that it is in.
struct RunsOverARangeAtTheEnd {
  Handle* handle;
  std::vector<bool>* completes;
  void operator()(double) const {}
  void end() const {
    (*handle)->end();
    completes->push_back(RunningHandler::current()->completes);
    (void)over(std::vector<double>{1}, [](auto in) { return in; });
    completes->push_back(RunningHandler::current()->completes);
  }
};
TEST(EndedItself, ARunOverARangeAtItsEndIsStillAtItsEnd) {
  std::vector<bool> completes;
  Bus bus({.thread = false});
  Handle handle;
  handle = numbers(bus) | subscribe(RunsOverARangeAtTheEnd{&handle, &completes});
  bus.publish(Number{1});
  bus.close();
  EXPECT_EQ(completes, (std::vector<bool>{true, true}));
}

// Wherever the chain is cut, and although it would have completed with that value.
TEST(EndedItself, WhatEndsItAtItsLastValueIsCalledEnded) {
  const auto life_of = [](auto build) {
    Bus bus({.thread = false});
    Handle handle;
    handle = build(numbers(bus) | take(1), [&](double) { handle->end(); });
    bus.publish(Number{1});
    bus.publish(Number{1});
    bus.close();
    return handle->life();
  };
  EXPECT_EQ(life_of([](auto in, auto f) { return std::move(in) | subscribe(f); }), Subscription::Life::ended);
  EXPECT_EQ(life_of([](auto in, auto f) { return std::move(in) | tap(f) | subscribe([](double) {}); }),
            Subscription::Life::ended);
  EXPECT_EQ(life_of([](auto in, auto f) { return std::move(in) | tap(f) | observe_on(io) | subscribe([](double) {}); }),
            Subscription::Life::ended);
  EXPECT_EQ(life_of([](auto in, auto f) { return std::move(in) | observe_on(io) | subscribe(f); }),
            Subscription::Life::ended);
}

/// A stage that says that it emits one value or none whenever it is called isn't looked behind: it had better be true.
struct Count {
  int* values;
  template <class In>
  void operator()(const In&) const {
    ++*values;
  }
};
template <class V>
void one_or_none(std::string_view name, auto before, auto op) {
  static_assert(detail::AtMostOne<detail::Placed<V, decltype(op)>>);
  int values = 0, most = 0;
  ManualClock clock;
  Bus bus({.clock = &clock, .thread = false});
  const Handle handle = before(numbers(bus)) | std::move(op) | subscribe(Count{&values});
  const auto look = [&] {
    while (bus.poll()) {
    }
    most = std::max(most, std::exchange(values, 0));
  };
  for (const double x : {1.0, 1.0, 3.0, 2.0, -1.0, 0.0, 5.0, 5.0, 8.0, 100.0, 7.0, 7.0}) {
    bus.publish(Number{x});
    look();
    clock.advance(static_cast<Nanoseconds>(x) + 3);
    look();
  }
  bus.close();
  EXPECT_LE(std::max(most, values), 1) << name;
  EXPECT_FALSE(handle->failed()) << name << ": " << handle->error();
}
TEST(AtMostOne, IsTrueOfThoseThatSayIt) {
  const auto nothing = [](auto in) { return in; };
  const auto small = [](double x) { return x < 5; };
  const auto of_values = [&](std::string_view name, auto op) { one_or_none<double>(name, nothing, std::move(op)); };
  of_values("filter", filter(small));
  of_values("every", every(2));
  of_values("map", map(std::identity{}));
  of_values("scan", scan(0.0, std::plus<>()));
  of_values("reduce", reduce(0.0, std::plus<>()));
  of_values("take", take(3));
  of_values("skip", skip(3));
  of_values("tap", tap(small));
  of_values("throttle", throttle(4ns));
  of_values("ewma", ewma(0.5));
  of_values("ewma of time", ewma(half_life(4ns)));
  of_values("distinct_until_changed", distinct_until_changed());
  of_values("distinct", distinct(3));
  of_values("take_while", take_while(small));
  of_values("take_while, inclusive", take_while(small, {.inclusive = true}));
  of_values("skip_while", skip_while(small));
  of_values("take_until", take_until([](double x) { return x == 5; }));
  of_values("first", first());
  of_values("last", last());
  of_values("element_at", element_at(2));
  of_values("default_if_empty", default_if_empty(7));
  of_values("skip_last", skip_last(2));
  of_values("timestamp", timestamp{});
  of_values("time_interval", time_interval{});
  of_values("rate_limit", rate_limit(2, 9ns));
  of_values("probe", probe(Probe("here")));
  of_values("pairwise", pairwise{});
  of_values("page_hinkley", page_hinkley(0.1, 1, {.least = 2}));
  of_values("finally", finally([] {}));
  of_values("completes", completes{});
  of_values("materialize", materialize{});
  one_or_none<Notification<double>>(
      "dematerialize", [](auto in) { return std::move(in) | materialize{}; }, dematerialize{});
  one_or_none<Windowed<double, WindowKind::tumbling>>(
      "mean", [](auto in) { return std::move(in) | window(count(5)); }, mean());
  one_or_none<Windowed<double, WindowKind::sliding>>(
      "rate", [](auto in) { return std::move(in) | window(sliding(3)); }, rate());
  of_values("timeout", timeout(1s));
  of_values("sample", sample(4ns));
  of_values("audit", audit(4ns));
  of_values("debounce", debounce(4ns));
  of_values("debounce, longest", debounce(4ns, {.longest = 9ns}));
  of_values("on_error_continue", on_error_continue([](std::string_view) {}));
  of_values("port", detail::Port<0>{});
}

/// The same of a stage behind two inputs.
template <class Stage>
void one_or_none_of_two(std::string_view name, auto build) {
  static_assert(detail::AtMostOne<Stage>);
  int values = 0, most = 0;
  Bus bus({.thread = false});
  const Handle handle = build(numbers(bus), input_of<OtherNumber>(bus)) | subscribe(Count{&values});
  for (int i = 0; i < 40; ++i) {
    if (i * i % 7 < 3)
      bus.publish(Number{static_cast<double>(i % 3)});
    else
      bus.publish(OtherNumber{static_cast<double>(i % 3)});
    while (bus.poll()) {
    }
    most = std::max(most, std::exchange(values, 0));
  }
  bus.close();
  EXPECT_LE(std::max(most, values), 1) << name;
  EXPECT_FALSE(handle->failed()) << name << ": " << handle->error();
}
TEST(AtMostOne, IsTrueOfThoseOfTwoInputsThatSayIt) {
  using std::move;
  constexpr auto plus = [](double a, double b) { return a + b; };
  constexpr auto same = [](double x) { return x; };
  using Plus = std::remove_const_t<decltype(plus)>;
  using Same = std::remove_const_t<decltype(same)>;
  one_or_none_of_two<detail::Latest<false, Plus, double, double>>(
      "combine_latest", [=](auto a, auto b) { return combine_latest(move(a), move(b), plus); });
  one_or_none_of_two<detail::Latest<true, Plus, double, double>>(
      "with_latest_from", [=](auto a, auto b) { return move(a) | with_latest_from(move(b), plus); });
  one_or_none_of_two<detail::Zip<Plus, double, double>>("zip",
                                                        [=](auto a, auto b) { return zip(move(a), move(b), plus); });
  one_or_none_of_two<detail::Join<double, double, Same, Same, Plus>>(
      "join", [=](auto a, auto b) { return join(move(a), same, move(b), same, plus); });
  one_or_none_of_two<detail::Concat<double>>("concat", [](auto a, auto b) { return concat(move(a), move(b)); });
  one_or_none_of_two<detail::SkipUntil<double>>("skip_until",
                                                [](auto a, auto b) { return move(a) | skip_until(move(b)); });
  one_or_none_of_two<detail::TakeUntilChain<double>>("take_until",
                                                     [](auto a, auto b) { return move(a) | take_until(move(b)); });
  one_or_none_of_two<detail::OnErrorResume<double>>("on_error_resume",
                                                    [](auto a, auto b) { return move(a) | on_error_resume(move(b)); });
}

}  // namespace
