// Events arrive whole and in order, however they are written into the ring.
#include <sidestep/bus.hpp>
#include <sidestep/bus/ring.hpp>

#include <bus/probe.hpp>

#include <gtest/gtest.h>
#include <sched.h>

#include <random>
#include <utility>

namespace sidestep {
namespace {

using testing_support::Probe;
using testing_support::probe_options;

/// Of members of all sizes, with holes between them.
struct Mixed {
  static constexpr EventId id = first_user_event + 301;
  static constexpr std::string_view name = "Mixed";
  static constexpr bool self_contained = true;
  std::uint8_t a = 0;
  std::uint16_t b = 0;
  float c = 0;
  bool d = false;
  double e = 0;
  std::int32_t f = 0;
  std::int64_t g = 0;
  bool operator==(const Mixed&) const = default;
};
struct Single {
  static constexpr EventId id = first_user_event + 302;
  static constexpr std::string_view name = "Single";
  static constexpr bool self_contained = true;
  double value = 0;
};
/// Refers to something that its publisher wrote before.
struct Refers {
  static constexpr EventId id = first_user_event + 303;
  static constexpr std::string_view name = "Refers";
  const std::int64_t* at = nullptr;
};
static_assert(SelfContained<BatchBegin> && SelfContained<BatchEnd> && SelfContained<Metric>);
static_assert(!SelfContained<Barrier> && !SelfContained<CheckpointLoaded> && !SelfContained<Refers>);

Mixed mixed(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  return {static_cast<std::uint8_t>(random()), static_cast<std::uint16_t>(random()),
          static_cast<float>(random() >> 40),  (random() & 1) != 0,
          static_cast<double>(random() >> 12), static_cast<std::int32_t>(random()),
          static_cast<std::int64_t>(random())};
}

#ifdef SIDESTEP_STREAMING_STORES
TEST(StreamWithin, ABurstIsStreamedAndWhatComesBehindAPauseIsNot) {
  BasicRing<> ring(4, 1, StreamWithin::burst);
  EXPECT_FALSE(ring.streams(1'000'000));  // the first
  EXPECT_TRUE(ring.streams(1'000'000));
  EXPECT_TRUE(ring.streams(1'000'699));
  EXPECT_FALSE(ring.streams(1'001'400));
  EXPECT_TRUE(ring.streams(1'001'400));
  EXPECT_FALSE(ring.streams(1'000'000));  // a stamp of the past: as a pause
  ring.begin_anew(1, StreamWithin::burst, 0);
  EXPECT_FALSE(ring.streams(1'000'001));  // another producer's
  BasicRing<> never(4), always(4, 1, StreamWithin::always);
  EXPECT_FALSE(never.may_stream());
  EXPECT_TRUE(always.may_stream());
  for (const Nanoseconds stamp : {0, 5, 1'000'000'000, 3, 2}) {
    EXPECT_FALSE(never.streams(stamp));
    EXPECT_TRUE(always.streams(stamp));
  }
}
#endif

TEST(Stores, AreDescribedByWhatWasAskedFor) {
  EXPECT_EQ(describe(Stores::automatic).find("asked for"), std::string_view::npos) << describe(Stores::automatic);
  EXPECT_TRUE(describe(Stores::automatic).starts_with(fastest_stores() == Stores::plain ? "plain: " : "streaming: "));
  EXPECT_EQ(describe(Stores::plain),
            streaming_supported() ? "plain: asked for" : "plain: there are no 64-byte streaming stores here");
  EXPECT_EQ(describe(Stores::streaming).starts_with("streaming: "), streaming_supported());
}

TEST(Stores, WhoMeasuresThemRunsWhereHeMightBefore) {
  cpu_set_t before, behind;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  (void)measure_stores();
  ASSERT_EQ(sched_getaffinity(0, sizeof behind, &behind), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &behind));
}

TEST(Check, AnEventWhoseSecondHalfIsLateIsNotThereYet) {
  BasicRing<> ring(4);
  Slot* const slot = ring.claim();
  ring.commit(*slot);
  const std::uint8_t check = std::exchange(slot->check, check_of(1 - 4));  // as the event a lap before has left it
  EXPECT_TRUE(ring.available(4).empty());
  EXPECT_EQ(ring.peek(1), nullptr);
  slot->check = check;
  EXPECT_EQ(ring.available(4).size(), 1u);
  EXPECT_EQ(ring.peek(1), slot);
}

TEST(Check, IsAnotherOneALapBeforeAndNeverThatOfAnEmptySlot) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 100'000; ++i) {
    const Sequence number = i < 50'000 ? static_cast<Sequence>(i) : random();
    ASSERT_NE(check_of(number), 0);
    for (int bits = 0; bits <= 32; ++bits)
      ASSERT_NE(check_of(number), check_of(number + (Sequence{1} << bits))) << number << ", 2^" << bits;
  }
}

TEST(Words, AreTheEventAsItLiesInMemory) {
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    const Mixed event = mixed(seed);
    const Words words = words_of(event);
    Mixed back;
    std::memcpy(static_cast<void*>(&back), words.data(), sizeof back);
    EXPECT_EQ(back, event) << "seed " << seed;
  }
  const BatchEnd end{
      .step = -1, .loss = 0.1, .learning_rate = 0.2, .accuracy = 0.3F, .epoch = -4, .batch = 5, .samples = -6};
  const Words words = words_of(end);
  EXPECT_EQ(std::memcmp(words.data(), &end, sizeof end), 0);
  EXPECT_EQ(words_of(Single{2.5})[0], std::bit_cast<std::uint64_t>(2.5));
}

class WithStores : public ::testing::TestWithParam<Stores> {
 protected:
  void SetUp() override {
    if (GetParam() == Stores::streaming && !streaming_supported())
      GTEST_SKIP() << "this CPU (or ThreadSanitizer's build) has no 64-byte streaming stores";
  }
};

TEST_P(WithStores, EveryWayOfPublishingBringsEachEventWholeAndInOrder) {
  Bus bus({.ring_capacity = 64, .stores = GetParam()});
  ASSERT_EQ(bus.options().stores, resolve(GetParam()));
  std::uint64_t next = 1, wrong = 0;
  bus.add(std::make_unique<Probe>([&](const Slot& slot) {
            wrong += slot.as<Mixed>() != mixed(next++) || slot.size != sizeof(Mixed) || slot.ring != 0;
          }),
          probe_options({Mixed::id}));
  Producer producer = bus.producer("test");
  std::uint64_t seed = 0;
  for (int round = 0; round < 2000; ++round) {
    producer.publish(mixed(++seed));
    const Mixed several[] = {mixed(seed + 1), mixed(seed + 2), mixed(seed + 3)};
    producer.publish_n(std::span<const Mixed>(several));
    seed += 3;
    auto reserved = producer.reserve<Mixed>();
    *reserved = mixed(++seed);
    reserved->g = mixed(seed).g;
    reserved.commit();
    {
      auto dropped = producer.reserve<Mixed>();
      dropped->f = 1;
    }  // never published
    ++seed;
    while (!producer.try_publish(mixed(seed))) std::this_thread::yield();
  }
  bus.flush();
  EXPECT_EQ(next - 1, seed);
  EXPECT_EQ(wrong, 0u);
}

TEST_P(WithStores, WhatAnEventRefersToIsThereWhenItArrives) {
  std::vector<std::int64_t> written(200'000, 0);
  Bus bus({.ring_capacity = 1024, .stores = GetParam()});
  std::int64_t seen = 0, wrong = 0;
  bus.add(std::make_unique<Probe>([&](const Slot& slot) { wrong += *slot.as<Refers>().at != ++seen; }),
          probe_options({Refers::id}));
  Producer producer = bus.producer("test");
  for (std::size_t i = 0; i < written.size(); ++i) {
    written[i] = static_cast<std::int64_t>(i) + 1;
    producer.publish(Refers{&written[i]});
  }
  bus.flush();
  EXPECT_EQ(seen, static_cast<std::int64_t>(written.size()));
  EXPECT_EQ(wrong, 0);
}

TEST_P(WithStores, TryPublishNeverWaits) {
  Bus bus({.ring_capacity = 4, .thread = false, .stores = GetParam()});
  std::uint64_t seen = 0;
  bus.add(std::make_unique<Probe>([&](const Slot&) { ++seen; }), probe_options({Single::id}));
  Producer producer = bus.producer("test");
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(producer.try_publish(Single{}));
  EXPECT_FALSE(producer.try_publish(Single{}));
  EXPECT_EQ(bus.account().events, 4u);
  bus.poll();
  EXPECT_TRUE(producer.try_publish(Single{}));
  bus.flush();
  EXPECT_EQ(seen, 5u);
}

template <class F>
struct Audit final : Pipeline {
  F look;
  explicit Audit(F f) : look(f) {}
  std::size_t run(std::span<const Slot> slots) noexcept override {
    for (const Slot& slot : slots) look(slot);
    return slots.size();
  }
  void bind(Subscription&) override {}
  void mark(const Mark&) noexcept override {}
  bool over() const noexcept override { return false; }
  bool wants_ticks() const noexcept override { return false; }
  std::vector<std::string> describe() const override { return {"audit"}; }
};

/// Every field of a great many events: SIDESTEP_AUDITED_EVENTS says how many (in millions).
TEST_P(WithStores, NoEventIsTorn) {
  const char* const asked = std::getenv("SIDESTEP_AUDITED_EVENTS");
  const std::uint64_t events = (asked != nullptr ? std::strtoull(asked, nullptr, 10) : 4) * 1'000'000;
  Bus bus({.stores = GetParam()});
  std::uint64_t next = 0, wrong = 0;
  // bursts of two
  const auto stamp = [mixed = GetParam() == Stores::automatic](std::uint64_t n) {
    return static_cast<Nanoseconds>(mixed ? n * 700 + n % 2 * 600 : ~n);
  };
  const auto audit = [&](const Slot& slot) {
    const std::uint64_t n = ++next;
    std::uint64_t body[5];
    std::memcpy(body, slot.body, sizeof body);
    bool good = slot.sequence == n && slot.stamp == stamp(n) && slot.type == BatchEnd::id;
    good &=
        body[0] == n && body[1] == (n ^ 0x5555555555555555) && body[2] == n * 3 && body[3] == ~n && body[4] == n << 7;
    wrong += !good;
  };
  bus.add(std::make_unique<Audit<decltype(audit)>>(audit), probe_options({BatchEnd::id}));
  Producer producer = bus.producer("test");
  for (std::uint64_t n = 1; n <= events; ++n)
    producer.publish_at(stamp(n), std::bit_cast<BatchEnd>(Words{n, n ^ 0x5555555555555555, n * 3, ~n, n << 7}));
  bus.flush();
  EXPECT_EQ(next, events);
  EXPECT_EQ(wrong, 0u);
}

INSTANTIATE_TEST_SUITE_P(Form, WithStores, ::testing::Values(Stores::plain, Stores::streaming, Stores::automatic),
                         [](const auto& info) {
                           return std::string(info.param == Stores::plain       ? "plain"
                                              : info.param == Stores::streaming ? "streaming"
                                                                                : "automatic");
                         });

}  // namespace
}  // namespace sidestep
