#include "operators/two_inputs.hpp"

#include <scratch_folder.hpp>

/// The laws of Rx, over random streams.
namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

/// Both chains make the same of every stream, and end at the same event.
template <class A, class B>
void expect_same(A one, B other) {
  std::mt19937_64 random(13);
  for (int round = 0; round < 2000; ++round) {
    const Moments stream = random_stream(random);
    const std::size_t span = 1 + random() % 8;
    Driven a(one), b(other);
    for (Driven* driven : {&a, &b}) driven->run(stream.data(), stream.data() + stream.size(), span);
    ASSERT_EQ(a.ended(), b.ended()) << round;
    for (Driven* driven : {&a, &b}) driven->end(stream.empty() ? 0 : stream.back().at);
    ASSERT_TRUE(same(a.output, b.output)) << round;
  }
}
constexpr auto twice_plus_one = [](double x) { return 2 * x + 1; };
constexpr auto squared = [](double x) { return x * x; };
constexpr auto above_three = [](double x) { return x > 3; };
constexpr auto is_even = [](double x) { return static_cast<std::int64_t>(x) % 2 == 0; };

TEST(Laws, TwoMapsAreTheMapOfBoth) {
  expect_same([](auto in) { return std::move(in) | map(twice_plus_one) | map(squared); },
              [](auto in) { return std::move(in) | map([](double x) { return squared(twice_plus_one(x)); }); });
  expect_same([](auto in) { return std::move(in) | map([](double x) { return x; }); }, [](auto in) { return in; });
}

TEST(Laws, FilterAndMapChangePlaces) {
  expect_same([](auto in) { return std::move(in) | map(twice_plus_one) | filter(above_three); },
              [](auto in) {
                return std::move(in) | filter([](double x) { return above_three(twice_plus_one(x)); }) |
                       map(twice_plus_one);
              });
}

TEST(Laws, TwoFiltersAreTheFilterOfBoth) {
  const auto both = [](double x) { return above_three(x) && std::isfinite(x) && is_even(x); };
  expect_same([](auto in) { return std::move(in) | filter(above_three) | filter(is_finite) | filter(is_even); },
              [&](auto in) { return std::move(in) | filter(both); });
  expect_same([](auto in) { return std::move(in) | filter(is_finite) | filter(is_even) | filter(above_three); },
              [&](auto in) { return std::move(in) | filter(both); });
}

TEST(Laws, TakeOfMoreChangesNothing) {
  expect_same([](auto in) { return std::move(in) | take(3); },
              [](auto in) { return std::move(in) | take(3) | take(3); });
  expect_same([](auto in) { return std::move(in) | take(3); },
              [](auto in) { return std::move(in) | take(3) | take(7); });
  expect_same([](auto in) { return std::move(in) | take(3); },
              [](auto in) { return std::move(in) | take(7) | take(3); });
}

TEST(Laws, TakeAndSkipAreTheWhole) {
  expect_same(
      [](auto in) {
        return std::move(in) | share([](auto each) { return std::move(each) | take(4); },
                                     [](auto each) { return std::move(each) | skip(4); });
      },
      [](auto in) { return in; });
}

/// Of several chains of the same events: what comes out, sorted where the order isn't said.
template <class Build>
Values merged(const Moments& stream, Build build, bool sorted) {
  Driven driven([&](auto in) {
    Bus* const bus = bus_of(in);
    return build(std::move(in), bus->on<Number>() | map([](const Number& n) { return 10 * n.value; }),
                 bus->on<Number>() | map([](const Number& n) { return 100 * n.value; }));
  });
  driven.run(stream.data(), stream.data() + stream.size(), 4);
  driven.end(0);
  if (sorted) std::sort(driven.output.begin(), driven.output.end());
  return driven.output;
}

TEST(Laws, MergeIsAssociativeAndUpToOrderCommutative) {
  std::mt19937_64 random(17);
  for (int round = 0; round < 1000; ++round) {
    Moments stream = random_stream(random);
    for (Moment& moment : stream)
      if (moment.value && !std::isfinite(*moment.value)) moment.value = 1;
    const Values left = merged(
        stream, [](auto a, auto b, auto c) { return merge(merge(std::move(a), std::move(b)), std::move(c)); }, false);
    EXPECT_EQ(left,
              merged(
                  stream, [](auto a, auto b, auto c) { return merge(std::move(a), merge(std::move(b), std::move(c))); },
                  false));
    EXPECT_EQ(left, merged(
                        stream, [](auto a, auto b, auto c) { return merge(std::move(a), std::move(b), std::move(c)); },
                        false));
    const Values sorted = merged(
        stream, [](auto a, auto b, auto c) { return merge(std::move(a), std::move(b), std::move(c)); }, true);
    EXPECT_EQ(
        sorted,
        merged(
            stream, [](auto a, auto b, auto c) { return merge(std::move(c), std::move(a), std::move(b)); }, true));
  }
}

// A window keeps nothing, so what it has seen comes back through its sums: cut anywhere, they add up to those of the
// uncut stream.
TEST(Laws, WindowsCutTheStreamIntoPiecesThatAreTheWhole) {
  expect_same([](auto in) { return std::move(in) | window(count(1)) | sum(); },
              [](auto in) { return std::move(in) | map([](double x) { return 0 + x; }); });
  for (const std::int64_t n : {2, 3, 5})
    expect_same(
        [n](auto in) {
          return std::move(in) | filter(is_finite) | window(count(n)) | sum() | reduce(0.0, std::plus<>());
        },
        [](auto in) { return std::move(in) | filter(is_finite) | reduce(0.0, std::plus<>()); });
}

/// The values of each buffer, one by one.
struct one_by_one {
  template <class In>
  using out = double;
  void operator()(const std::vector<double>& values, auto&& out) {
    for (const double x : values) out(x);
  }
  void state(auto&) {}
};
TEST(Laws, BuffersOneAfterAnotherAreTheWhole) {
  for (const std::int64_t n : {1, 2, 3, 7})
    expect_same([n](auto in) { return std::move(in) | buffer(count(n)) | one_by_one{}; },
                [](auto in) { return std::move(in) | filter([](double) { return true; }); });
  expect_same([](auto in) { return std::move(in) | take(5) | buffer(count(2)) | one_by_one{}; },
              [](auto in) { return std::move(in) | take(5); });
}

TEST(Laws, GroupsTogetherAreTheWhole) {
  expect_same(
      [](auto in) {
        return std::move(in) |
               group_by([](double x) { return std::isnan(x) ? -1 : static_cast<int>(x); }, at_most(6),
                        [](auto each) { return each; }) |
               map([](const auto& pair) { return pair.second; });
      },
      [](auto in) { return in; });
}

TEST(Laws, PartsTogetherAreTheWhole) {
  const auto same = [](auto each) { return each; };
  expect_same([=](auto in) { return std::move(in) | partition(above_three, same, same); }, [](auto in) { return in; });
}

TEST(Laws, ZipOfAStreamWithItselfIsItsPairs) {
  expect_same(
      [](auto in) {
        Bus* const bus = bus_of(in);
        return zip(std::move(in), bus->on<Number>() | map(&Number::value), std::plus<>());
      },
      [](auto in) { return std::move(in) | map([](double x) { return x + x; }); });
}

TEST(Laws, MaterializedAndBackIsTheStream) {
  expect_same([](auto in) { return std::move(in) | take(5) | materialize() | dematerialize(); },
              [](auto in) { return std::move(in) | take(5); });
}

/// What chains of all kinds make of what is on a bus.
struct Listeners {
  explicit Listeners(Bus& bus) {
    const auto values = [&] { return bus.on<Number>() | map(&Number::value); };
    const auto others = [&] { return bus.on<OtherNumber>() | map(&OtherNumber::value); };
    const auto to = [&](int which) { return [this, which](double x) { out[which].push_back(x); }; };
    values() | throttle(3ns) | subscribe(to(0));
    values() | window(sidestep::time(5ns)) | sum() | subscribe(to(1));
    zip(values(), others(), std::minus<>()) | subscribe(to(2));
    combine_latest(values() | every(2), others(), std::plus<>()) | window(count(3)) | sum() | subscribe(to(3));
    merge_by_time(2ns, values(), others()) | subscribe(to(4));
    merge(values(), others()) |
        group_by([](double x) { return static_cast<int>(x); }, at_most(8),
                 [](auto in) { return std::move(in) | scan(0.0, std::plus<>()); }) |
        map([](const auto& pair) { return pair.second; }) | subscribe(to(5));
    join(values(), std::identity(), others(), std::identity(), std::plus<>()) | subscribe(to(6));
    values() | sample(4ns, {.emit_last = true}) | subscribe(to(7));
  }
  Listeners(const Listeners&) = delete;
  Values out[8];
};

TEST(Laws, TheReplayOfALogGivesWhatTheLiveRunGave) {
  std::mt19937_64 random(19);
  for (int round = 0; round < 20; ++round) {
    const ScratchFolder folder;
    ManualClock clock;
    Values live[8];
    {
      Bus bus({.clock = &clock, .thread = false});
      const auto recording = bus.record(folder.path() / "events.log");
      Listeners listeners(bus);
      Producer producer = bus.producer("test");
      for (int i = 0; i < 300; ++i) {
        const double value = static_cast<double>(random() % 6);
        if (random() % 2 == 0)
          producer.publish(Number{value});
        else
          producer.publish(OtherNumber{value});
        if (random() % 3 == 0) clock.advance(static_cast<Nanoseconds>(random() % 4));
      }
      bus.close();
      std::copy(std::begin(listeners.out), std::end(listeners.out), live);
    }
    ManualClock other(clock.now());
    Bus bus({.ring_capacity = 1024, .clock = &other, .thread = false});
    Listeners again(bus);
    replay(folder.path() / "events.log", bus);
    bus.close();
    for (int i = 0; i < 8; ++i) {
      ASSERT_FALSE(live[i].empty()) << i;
      ASSERT_TRUE(same(live[i], again.out[i])) << "chain " << i << ", round " << round;
    }
  }
}

}  // namespace
