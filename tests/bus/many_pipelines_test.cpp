#include <sidestep/operators.hpp>

#include <gtest/gtest.h>

#include <map>
#include <vector>

/// Hundreds of pipelines on one bus: each is run for the events that it listens to, and in the order in which they were
/// added.
namespace {
using namespace sidestep;

template <int n>
struct Kind {
  static constexpr EventId id = first_user_event + 300 + n;
  static constexpr std::string_view name = n == 0 ? "Kind0" : n == 1 ? "Kind1" : n == 2 ? "Kind2" : "Kind3";
  int value;
};
/// Its id is another's modulo 64.
struct Alike {
  static constexpr EventId id = Kind<0>::id + 64;
  static constexpr std::string_view name = "Alike";
  int value;
};

struct HeardOf {
  std::size_t who;
  int value;
  friend bool operator==(const HeardOf&, const HeardOf&) = default;
};

TEST(ManyPipelines, EachSeesItsOwnEventsInTheOrderOfRegistration) {
  constexpr std::size_t each = 70;  // more than 64 of each
  std::vector<HeardOf> seen;
  Bus bus({.thread = false});
  for (std::size_t i = 0; i < each; ++i) {
    bus.on<Kind<0>>() | subscribe([&seen, i](const Kind<0>& e) { seen.push_back({4 * i, e.value}); });
    bus.on<Kind<1>>() | subscribe([&seen, i](const Kind<1>& e) { seen.push_back({4 * i + 1, e.value}); });
    bus.on<Kind<0>, Kind<2>>() | subscribe([&seen, i](const OneOf<Kind<0>, Kind<2>>& one) {
      one.visit([&](const auto& e) { seen.push_back({4 * i + 2, e.value}); });
    });
    bus.on<Alike>() | subscribe([&seen, i](const Alike& e) { seen.push_back({4 * i + 3, e.value}); });
  }
  const auto expect = [&](auto event, std::initializer_list<std::size_t> who) {
    seen.clear();
    bus.publish(event);
    while (bus.poll()) {
    }
    std::vector<HeardOf> expected;
    for (std::size_t i = 0; i < each; ++i)
      for (const std::size_t one : who) expected.push_back({4 * i + one, event.value});
    EXPECT_EQ(seen, expected) << event.name;
  };
  expect(Kind<0>{10}, {0, 2});
  expect(Kind<1>{11}, {1});
  expect(Kind<2>{12}, {2});
  expect(Kind<3>{13}, {});
  expect(Alike{14}, {3});
}

TEST(ManyPipelines, EventsOfSeveralTypesAtOnceReachWhoListensToOneOfThem) {
  constexpr std::size_t each = 70;
  std::map<std::size_t, std::vector<int>> seen;
  Bus bus({.thread = false});
  for (std::size_t i = 0; i < each; ++i) {
    bus.on<Kind<0>>() | subscribe([&seen, i](const Kind<0>& e) { seen[3 * i].push_back(e.value); });
    bus.on<Kind<1>>() | subscribe([&seen, i](const Kind<1>& e) { seen[3 * i + 1].push_back(e.value); });
    bus.on<Kind<2>>() | subscribe([&seen, i](const Kind<2>& e) { seen[3 * i + 2].push_back(e.value); });
  }
  Producer producer = bus.producer("test");
  for (const int value : {1, 2, 3, 4}) {  // of one span
    producer.publish(Kind<0>{value});
    if (value % 2 == 0) producer.publish(Kind<1>{10 * value});
  }
  while (bus.poll()) {
  }
  EXPECT_EQ(seen.size(), 2 * each) << "nobody else was called";
  for (std::size_t i = 0; i < each; ++i) {
    EXPECT_EQ(seen[3 * i], (std::vector<int>{1, 2, 3, 4})) << i;
    EXPECT_EQ(seen[3 * i + 1], (std::vector<int>{20, 40})) << i;
  }
}

TEST(ManyPipelines, ThoseThatEndMakeRoomAndTheOthersGoOn) {
  std::map<std::size_t, int> seen;
  Bus bus({.thread = false});
  std::vector<Handle> handles;
  for (std::size_t i = 0; i < 200; ++i)
    handles.push_back(bus.on<Kind<0>>() | subscribe([&seen, i](const Kind<0>& e) { seen[i] += e.value; }));
  const auto publish = [&](int value) {
    bus.publish(Kind<0>{value});
    while (bus.poll()) {
    }
  };
  publish(1);
  for (std::size_t i = 0; i < 200; i += 2) handles[i]->end();
  publish(10);
  for (std::size_t i = 200; i < 300; ++i)
    bus.on<Kind<0>>() | subscribe([&seen, i](const Kind<0>& e) { seen[i] += e.value; });
  publish(100);
  for (std::size_t i = 0; i < 300; ++i) EXPECT_EQ(seen[i], i >= 200 ? 100 : i % 2 == 0 ? 1 : 111) << i;
}

TEST(ManyPipelines, TheirAccountsAndTimesAreTheirOwn) {
  Bus bus({.thread = false});
  std::vector<Handle> busy, idle;
  std::uint64_t sum = 0;
  for (int i = 0; i < 70; ++i) {
    busy.push_back(bus.on<Kind<0>>() | subscribe([&sum](const Kind<0>& e) {
                     for (int k = 0; k < 200; ++k) sum = sum * 31 + static_cast<std::uint64_t>(e.value);
                   }));
    idle.push_back(bus.on<Kind<1>>() | subscribe([](const Kind<1>&) {}));
  }
  for (int i = 0; i < 500; ++i) {
    bus.publish(Kind<0>{i});
    while (bus.poll()) {
    }
  }
  bus.close();
  EXPECT_NE(sum, 0u);
  for (const Handle& one : busy) {
    EXPECT_EQ(one->delivered(), 500u);
    EXPECT_GT(one->meter().cpu_ns.get(), 0u);
  }
  for (const Handle& one : idle) {
    EXPECT_EQ(one->published(), 0u);
    EXPECT_EQ(one->meter().cpu_ns.get(), 0u);
  }
}

}  // namespace
