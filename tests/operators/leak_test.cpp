#include "operators/every_operator.hpp"
#include "operators/two_inputs.hpp"
#include "replaced_new.hpp"

/// What operators allocate: nothing for each event, and nothing that stays when a functor throws.
namespace {
thread_local bool counting = false;
thread_local std::size_t allocations = 0;
thread_local std::ptrdiff_t live = 0;
}  // namespace

void* sidestep::test::take_memory(std::size_t bytes, std::size_t alignment) {
  if (counting) ++allocations, ++live;
  return aligned_memory(bytes, alignment);
}
void sidestep::test::give_memory(void* memory) noexcept {
  if (counting && memory != nullptr) --live;
  std::free(memory);
}

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

/// What a chain allocates for events that come when it has seen 1,000.
template <class Build>
std::size_t allocated_by(Build build) {
  Bus bus({.thread = false});
  const Handle handle = build(input_of<Number>(bus), input_of<OtherNumber>(bus)) | subscribe([](const auto&) {});
  std::vector<Slot> slots;
  for (int i = 0; i < 3000; ++i)
    slots.push_back(slot_of(Arrival{i, i % 3, static_cast<double>(i / 3 % 5)}, static_cast<Sequence>(i + 1)));
  const std::span<const Slot> all(slots);
  handle->pipeline().run(all.first(1000));
  allocations = 0;
  counting = true;
  handle->pipeline().run(all.subspan(1000));
  counting = false;
  EXPECT_FALSE(handle->failed()) << handle->error();
  return allocations;
}
template <class Build>
std::size_t allocated_by_one(Build build) {
  return allocated_by([&](auto a, auto) { return build(std::move(a)); });
}

TEST(Allocations, AreCounted) {
  EXPECT_EQ(
      allocated_by_one([](auto in) { return std::move(in) | map([](double x) { return std::vector<double>(1, x); }); }),
      1333u);
}

TEST(Allocations, NoneForEachEventOfTwoInputs) {
  EXPECT_EQ(allocated_by([](auto a, auto b) { return zip(std::move(a), std::move(b)); }), 0u);
  EXPECT_EQ(allocated_by([](auto a, auto b) { return combine_latest(std::move(a), std::move(b), std::plus<>()); }), 0u);
  EXPECT_EQ(allocated_by([](auto a, auto b) { return std::move(a) | with_latest_from(std::move(b), std::plus<>()); }),
            0u);
  EXPECT_EQ(allocated_by([](auto a, auto b) { return concat(std::move(a) | take(10), std::move(b)); }), 0u);
  EXPECT_EQ(
      allocated_by([](auto a, auto b) { return join(std::move(a), std::identity(), std::move(b), std::identity()); }),
      0u);
  EXPECT_EQ(allocated_by([](auto a, auto b) { return merge(std::move(a), std::move(b)); }), 0u);
  EXPECT_EQ(allocated_by([](auto a, auto b) { return merge_by_time(20ns, std::move(a), std::move(b)); }), 0u);
  EXPECT_EQ(allocated_by([](auto a, auto b) { return std::move(a) | skip_until(std::move(b)); }), 0u);
  EXPECT_EQ(allocated_by([](auto a, auto b) {
              return std::move(a) | take_until(std::move(b) | filter([](double x) { return x > 9; }));
            }),
            0u);
  EXPECT_EQ(allocated_by([](auto a, auto b) { return std::move(a) | on_error_resume(std::move(b)); }), 0u);
}

TEST(Allocations, NoneForEachEventOfASplitStream) {
  const auto sums = [](auto in) { return std::move(in) | window(count(3)) | sum(); };
  EXPECT_EQ(allocated_by_one([&](auto in) { return std::move(in) | group_by(std::identity(), at_most(8), sums); }), 0u)
      << "its groups exist";
  EXPECT_EQ(
      allocated_by_one([&](auto in) { return std::move(in) | group_by(std::identity(), at_most(2).dropping(), sums); }),
      0u);
  EXPECT_EQ(allocated_by_one(
                [&](auto in) { return std::move(in) | group_by(std::identity(), at_most(2).replacing(), sums); }),
            0u);
  EXPECT_EQ(allocated_by_one([&](auto in) { return std::move(in) | share(sums, sums); }), 0u);
  EXPECT_EQ(
      allocated_by_one([&](auto in) { return std::move(in) | partition([](double x) { return x > 2; }, sums, sums); }),
      0u);
  EXPECT_EQ(allocated_by_one([&](auto in) { return std::move(in) | tap(replay<double>(16)); }), 0u);
}

TEST(Allocations, NoneForEachEventOfErrorsEndingsAndPoints) {
  EXPECT_EQ(allocated_by_one([](auto in) { return std::move(in) | catch_error([](std::string_view) { return 0.0; }); }),
            0u);
  EXPECT_EQ(allocated_by_one([](auto in) { return std::move(in) | on_error_continue([](std::string_view) {}); }), 0u);
  EXPECT_EQ(allocated_by_one([](auto in) { return std::move(in) | finally([] {}); }), 0u);
  EXPECT_EQ(allocated_by_one([](auto in) { return std::move(in) | completes(); }), 0u);
  EXPECT_EQ(allocated_by_one([](auto in) { return std::move(in) | probe(Probe("here")); }), 0u);
}

/// Throws at the fifth value, at one place of a chain.
struct Bomb {
  bool armed;
  int seen = 0;
  void operator()(const auto&) {
    if (armed && ++seen == 5) throw std::runtime_error("boom, in words that are too long to fit into a small string");
  }
};

/// Runs a chain whose place number `place` throws, or none (-1), beside one that doesn't. Says how many allocations
/// stayed.
template <class Build>
std::ptrdiff_t left_by(int place, bool fails, Build build) {
  live = 0;
  counting = true;
  {
    ManualClock clock;
    Bus bus({.ring_capacity = 64, .clock = &clock, .thread = false});
    int other = 0;
    const Handle handle =
        build(input_of<Number>(bus), input_of<OtherNumber>(bus), [place](int at) { return tap(Bomb{at == place}); });
    const Handle beside = bus.on<Number>() | subscribe([&](const Number&) { ++other; });
    Producer producer = bus.producer("test");
    for (int i = 0; i < 40; ++i) {
      clock.advance(1);
      producer.publish(Number{static_cast<double>(i % 4)});
      producer.publish(OtherNumber{static_cast<double>(i % 3)});
      while (bus.poll()) {
      }
    }
    bus.close();
    EXPECT_EQ(handle->failed(), fails) << place << handle->error();
    EXPECT_FALSE(beside->failed()) << place;
    EXPECT_EQ(other, 40) << place << ": it alone";
  }
  counting = false;
  return live;
}

/// A bomb at each place of a chain.
template <class Build>
void expect_nothing_left(int places, bool fails, Build build) {
  (void)left_by(-1, false, build);  // what the process allocates once
  (void)left_by(0, fails, build);
  for (int place = -1; place < places; ++place)
    EXPECT_EQ(left_by(place, fails && place >= 0, build), 0) << "place " << place;
}

const auto words = [](double x) {
  return "a value in words that are too long for a small string: " + std::to_string(x);
};

TEST(Leaks, NoneWhereverAChainThrows) {
  expect_nothing_left(6, true, [](auto a, auto, auto bomb) {
    return std::move(a) | bomb(0) | map(words) | bomb(1) | distinct(3) | bomb(2) |
           scan(std::string(), [](const std::string&, const std::string& x) { return x; }) | bomb(3) |
           distinct_until_changed() | bomb(4) | every(1) | bomb(5) |
           subscribe([kept = std::string()](const std::string& x) mutable { kept = x; });
  });
}

TEST(Leaks, NoneWhereverAChainOfTwoInputsThrows) {
  expect_nothing_left(4, true, [](auto a, auto b, auto bomb) {
    return zip(std::move(a) | bomb(0) | map(words) | bomb(1), std::move(b) | bomb(2) | map(words)) | bomb(3) |
           subscribe([](const auto&) {});
  });
  expect_nothing_left(4, true, [](auto a, auto b, auto bomb) {
    return combine_latest(std::move(a) | bomb(0) | map(words) | bomb(1), std::move(b) | bomb(2) | map(words),
                          std::plus<>()) |
           bomb(3) | subscribe([](const auto&) {});
  });
  expect_nothing_left(4, true, [](auto a, auto b, auto bomb) {
    return join(std::move(a) | bomb(0) | map(words) | bomb(1), std::identity(), std::move(b) | bomb(2) | map(words),
                std::identity()) |
           bomb(3) | subscribe([](const auto&) {});
  });
  expect_nothing_left(4, true, [](auto a, auto b, auto bomb) {
    return merge_by_time(2ns, std::move(a) | bomb(0) | map(words) | bomb(1), std::move(b) | bomb(2) | map(words)) |
           bomb(3) | subscribe([](const auto&) {});
  });
}

TEST(Leaks, NoneWhereverAChainOfGroupsAndSharesThrows) {
  expect_nothing_left(5, true, [](auto a, auto, auto bomb) {
    return std::move(a) | map(words) | bomb(0) |
           group_by(std::identity(), at_most(4),
                    [=](auto in) {
                      return std::move(in) | bomb(1) |
                             scan(std::string(), [](const std::string&, const std::string& x) { return x; }) | bomb(2);
                    }) |
           bomb(3) | share([](auto in) { return in; }, [=](auto in) { return std::move(in) | bomb(4); }) |
           subscribe([](const auto&) {});
  });
}

TEST(Leaks, NoneWhereWhatIsThrownIsCaught) {
  expect_nothing_left(2, false, [](auto a, auto, auto bomb) {
    return std::move(a) | bomb(0) | map(words) | bomb(1) | on_error_continue([](std::string_view) {}) |
           subscribe([](const auto&) {});
  });
  expect_nothing_left(2, false, [](auto a, auto, auto bomb) {
    return std::move(a) | bomb(0) | map(words) | bomb(1) |
           catch_error([](std::string_view what) { return std::string(what); }) | finally([] {}) |
           subscribe([](const auto&) {});
  });
  expect_nothing_left(2, false, [](auto a, auto b, auto bomb) {
    return std::move(a) | bomb(0) | map(words) | bomb(1) | on_error_resume(std::move(b) | map(words)) |
           subscribe([](const auto&) {});
  });
}

/// Runs one of the chains of every operator in which the call number `throws` of a functor throws (0: none), beside one
/// in which none does. Says how many allocations stayed.
std::ptrdiff_t left_by_call(const NamedChain& chain, int throws, bool& failed) {
  live = 0;
  counting = true;
  {
    ManualClock clock;
    Bus bus({.ring_capacity = 64, .clock = &clock, .thread = false});
    int other = 0;
    Watcher watcher{[](double) { may_throw(); }, [] { may_throw(); }};
    const Handle handle = chain.attach(bus, watcher);
    const Handle beside = bus.on<Number>() | subscribe([&](const Number&) { ++other; });
    Producer producer = bus.producer("test");
    throw_at_call(throws);
    for (int i = 0; i < 14; ++i) {
      clock.advance(1);
      producer.publish(Number{static_cast<double>(i % 4)});
      if (i % 2 == 0) producer.publish(OtherNumber{static_cast<double>(i % 3)});
      while (bus.poll()) {
      }
    }
    bus.close();
    failed = handle->failed();
    EXPECT_FALSE(beside->failed()) << chain.name << ", call " << throws;
    EXPECT_EQ(other, 14) << chain.name << ", call " << throws << ": it alone";
  }
  counting = false;
  return live;
}

TEST(Leaks, NoneWhicheverCallOfWhicheverOperatorsFunctorThrows) {
  bool failed = false;
  for (const NamedChain& chain : every_operator()) {
    (void)left_by_call(chain, 0, failed);  // what the process allocates once
    ASSERT_FALSE(failed) << chain.name;
    (void)left_by_call(chain, 1, failed);
    for (int call = 1;; ++call) {
      const std::ptrdiff_t left = left_by_call(chain, call, failed);
      ASSERT_EQ(left, 0) << chain.name << ", call " << call;
      if (!has_thrown()) {
        ASSERT_GT(call, 1) << chain.name << ": nothing was thrown";
        break;
      }
      if (!chain.catches) {
        ASSERT_TRUE(failed) << chain.name << ", call " << call;
      }
    }
  }
  throw_at_call(0);
}

/// Runs what was posted when it is told to, on the thread that counts.
struct Here final : Executor {
  std::shared_ptr<Work> posted;
  void post(std::shared_ptr<Work> work) override { posted = std::move(work); }
  void run() {
    while (const auto work = std::exchange(posted, nullptr)) work->run();
  }
};

struct Spent {
  std::size_t allocations, emitted;
};
/// Of a chain that has seen 150 bursts of seven events: what it allocates and emits in 300 more, and at the end.
/// Between two bursts it is silent for 10 ns, and there is a tick.
template <class Build>
Spent spent_by(Build build) {
  Here here;
  ManualClock clock;
  Bus bus({.clock = &clock, .thread = false});
  std::size_t emitted = 0;
  const auto beginning = [&] {
    if constexpr (std::is_invocable_v<Build&, decltype(bus.on<Number>() | map(&Number::value))>)
      return build(bus.on<Number>() | map(&Number::value));
    else if constexpr (std::is_invocable_v<Build&, Bus&>)
      return build(bus);
    else
      return build(bus.on<Number>() | map(&Number::value), here);
  };
  const Handle handle = beginning() | subscribe([&](const auto&) { ++emitted; });
  Pipeline& pipeline = handle->pipeline();
  std::vector<Slot> slots(7);
  Sequence number = 0;
  const auto run = [&](int bursts) {
    for (; bursts > 0; --bursts) {
      Nanoseconds now = clock.now();
      for (Slot& slot : slots) {
        ++number;
        slot = slot_of(Moment{++now, static_cast<double>(number / 2 % 5)}, number);
      }
      pipeline.run(slots);
      clock.set(now + 10);
      pipeline.mark({.kind = Mark::Kind::tick, .number = number, .stamp = clock.now()});
      here.run();
    }
  };
  run(150);
  emitted = allocations = 0;
  counting = true;
  run(300);
  pipeline.mark({.kind = Mark::Kind::end, .number = number, .stamp = clock.now()});
  here.run();
  counting = false;
  EXPECT_FALSE(handle->failed()) << handle->error();
  return {allocations, emitted};
}

/// Every operator whose memory has a bound, and that it emits at all while it is watched.
class Constant {
 public:
  template <class Build>
  void operator()(const char* name, Build build) {
    const Spent spent = spent_by(build);
    EXPECT_EQ(spent.allocations, 0u) << name;
    EXPECT_GT(spent.emitted, 0u) << name << " emits nothing, so this says nothing of it";
  }
};

TEST(Allocations, AreCountedOnEitherSideOfAHandoverAndAtTheEnd) {
  const auto allocates = [](double x) { return std::vector<double>(1, x); };
  EXPECT_EQ(spent_by([=](auto in) { return std::move(in) | map(allocates); }).allocations, 2100u);
  EXPECT_EQ(
      spent_by([=](auto in, Here& here) { return std::move(in) | observe_on(here) | map(allocates); }).allocations,
      2100u);
  EXPECT_EQ(spent_by([=](auto in) { return std::move(in) | last() | map(allocates); }).allocations, 1u);
}

TEST(Allocations, NoneForEachEventOfWhatPicksAndChanges) {
  Constant none;
  const auto odd = [](double x) { return static_cast<int>(x) % 2 == 1; };
  const auto is_7 = [](double x) { return x == 7; };
  none("filter", [=](auto in) { return std::move(in) | filter(odd); });
  none("every", [](auto in) { return std::move(in) | every(3); });
  none("first", [=](auto in) { return std::move(in) | first(is_7) | default_if_empty(1.0); });
  none("last", [](auto in) { return std::move(in) | last(); });
  none("element_at", [](auto in) { return std::move(in) | element_at(2000); });
  none("take", [](auto in) { return std::move(in) | take(2000); });
  none("take_last", [](auto in) { return std::move(in) | take_last(100); });
  none("take_while", [=](auto in) { return std::move(in) | take_while([](double x) { return x < 7; }); });
  none("take_until", [=](auto in) { return std::move(in) | take_until(is_7); });
  none("skip", [](auto in) { return std::move(in) | skip(2000); });
  none("skip_while",
       [n = 0](auto in) { return std::move(in) | skip_while([n](double) mutable { return ++n < 2000; }); });
  none("skip_last", [](auto in) { return std::move(in) | skip_last(100); });
  none("distinct", [](auto in) { return std::move(in) | distinct(3); });
  none("distinct_until_changed", [](auto in) { return std::move(in) | distinct_until_changed(); });
  none("of_type", [](Bus& bus) { return bus.on<Number, OtherNumber>() | of_type<Number>(); });
  none("ignore_elements", [](auto in) { return std::move(in) | ignore_elements() | start_with(1.0); });
  none("map", [](auto in) { return std::move(in) | map([](double x) { return x + 1; }); });
  none("scan", [](auto in) { return std::move(in) | scan(0.0, std::plus<>()); });
  none("reduce", [](auto in) { return std::move(in) | reduce(0.0, std::plus<>()); });
  none("pairwise", [](auto in) { return std::move(in) | pairwise(); });
  none("tap", [](auto in) { return std::move(in) | tap([](double) {}); });
  none("start_with", [](auto in) { return std::move(in) | start_with(7.0); });
  none("timestamp", [](auto in) { return std::move(in) | timestamp(); });
  none("time_interval", [](auto in) { return std::move(in) | time_interval(); });
  none("materialize, dematerialize", [](auto in) { return std::move(in) | materialize() | dematerialize(); });
}

TEST(Allocations, NoneForEachEventOfWindowsAndStatistics) {
  Constant none;
  none("window(count)", [](auto in) { return std::move(in) | window(count(3)) | mean(); });
  none("window(sliding)", [](auto in) { return std::move(in) | window(sliding(20, 3)) | mean(); });
  none("window(growing)", [](auto in) { return std::move(in) | window(growing()) | mean(); });
  none("window(time)", [](auto in) { return std::move(in) | window(sidestep::time(30ns)) | mean(); });
  none("window(sliding_time)", [](auto in) { return std::move(in) | window(sliding_time(60ns, 20ns)) | mean(); });
  none("window(session)", [](auto in) { return std::move(in) | window(session(5ns)) | mean(); });
  none("window(by)", [](auto in) { return std::move(in) | window(by(std::identity())) | mean(); });
  none("window(until)",
       [](auto in) { return std::move(in) | window(until([](double x) { return x == 4; })) | mean(); });
  const auto everywhere = [&](const char* name, auto statistic) {
    none(name, [=](auto in) { return std::move(in) | window(count(5)) | statistic(); });
    none(name, [=](auto in) { return std::move(in) | window(sliding(20)) | statistic(); });
    none(name, [=](auto in) { return std::move(in) | window(sliding_time(60ns, 20ns)) | statistic(); });
    none(name, [=](auto in) { return std::move(in) | window(growing()) | statistic(); });
  };
  everywhere("count", [] { return count(); });
  everywhere("sum", [] { return sum(); });
  everywhere("variance", [] { return variance(); });
  everywhere("standard_deviation", [] { return standard_deviation(); });
  everywhere("min_of", [] { return min_of(); });
  everywhere("max_of", [] { return max_of(); });
  everywhere("slope", [] { return slope(); });
  everywhere("plateau", [] { return plateau(0.1); });
  everywhere("quantile", [] { return quantile(0.3); });
  everywhere("median", [] { return median(); });
  everywhere("histogram", [] { return histogram<4>(0, 4); });
  everywhere("rate", [] { return rate(); });
  everywhere("stats", [] { return stats(mean(), max_of(), p99()); });
  none("ewma", [](auto in) { return std::move(in) | ewma(0.1); });
  none("ewma(half_life)", [](auto in) { return std::move(in) | ewma(half_life(20ns)); });
  none("page_hinkley", [](auto in) { return std::move(in) | page_hinkley(0.1, 2, {.least = 2}); });
}

TEST(Allocations, NoneForEachEventOfWhatWaitsForTimeOrForAThread) {
  Constant none;
  none("throttle", [](auto in) { return std::move(in) | throttle(4ns); });
  none("throttle, both edges", [](auto in) { return std::move(in) | throttle_both(4ns); });
  none("throttle, trailing edge",
       [](auto in) { return std::move(in) | throttle(4ns, {.leading = false, .trailing = true}); });
  none("sample", [](auto in) { return std::move(in) | sample(4ns); });
  none("debounce", [](auto in) { return std::move(in) | debounce(3ns); });
  none("debounce, longest", [](auto in) { return std::move(in) | debounce(3ns, {.longest = 5ns}); });
  none("audit", [](auto in) { return std::move(in) | audit(4ns); });
  none("delay", [](auto in) { return std::move(in) | delay(20ns, {.capacity = 64}); });
  none("timeout", [](auto in) { return std::move(in) | timeout(50ns); });
  none("rate_limit", [](auto in) { return std::move(in) | rate_limit(2, 30ns); });
  none("interval", [](Bus& bus) { return interval(bus, 30ns); });
  none("observe_on", [](auto in, Here& here) { return std::move(in) | observe_on(here, {.capacity = 64}); });
}

}  // namespace
