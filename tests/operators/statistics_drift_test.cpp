// Statistics over windows that slide and slide. 10 million values, or SIDESTEP_DRIFT_EVENTS: of 1000000000
// (operators.drift_soak) it takes a minute of CPU time.
#include "operators/statistics_reference.hpp"
#include "operators/stream.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace {
using namespace sidestep;
using namespace sidestep::test;

std::uint64_t events() {
  const char* const asked = std::getenv("SIDESTEP_DRIFT_EVENTS");
  return asked != nullptr ? std::strtoull(asked, nullptr, 10) : 10'000'000;
}

/// Numbers of very different size, far from 0, now and then one that is huge.
class Hard {
 public:
  double operator()() {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    const double noise = static_cast<double>(state_ >> 11) * 0x1p-53 - 0.5;
    return ++n_ % 99'991 == 0 ? 1e16 * noise : n_ % 1013 == 0 ? 1e6 : 1000 + noise;
  }

 private:
  std::uint64_t state_ = 1, n_ = 0;
};

TEST(Drift, SlidingStatisticsAreExactHoweverLongTheyHaveSlid) {
  constexpr std::int64_t n = 1000;
  Bus bus({.thread = false});
  std::array<double, 7> last{};
  const Handle handle = bus.on<Number>() | map(&Number::value) | window(sliding(n)) |
                        stats(sum(), mean(), variance(), slope(), min_of(), max_of(), median()) |
                        subscribe([&](const std::array<double, 7>& all) { last = all; });
  Hard hard;
  std::vector<Slot> slots(1024);
  for (std::size_t i = 0; i < slots.size(); ++i) slots[i] = slot_of({0, 0.0}, i + 1);
  std::vector<double> recent(8 * n);
  std::uint64_t at = 0, checked = 0;
  for (const std::uint64_t all = events(), every = std::max<std::uint64_t>(all / 1000, 5 * n); at < all;) {
    for (Slot& slot : slots) {
      const Number event{hard()};
      recent[at++ % recent.size()] = event.value;
      std::memcpy(slot.body, &event, sizeof event);
    }
    handle->pipeline().run(slots);
    if (at / every == (at - slots.size()) / every || at < recent.size()) continue;
    ++checked;
    std::vector<double> window;
    double distance = 0;
    for (std::uint64_t i = at - n; i < at; ++i) window.push_back(recent[i % recent.size()]);
    const double mean = exactly::mean(window);
    for (std::uint64_t i = at - 3 * n; i < at; ++i)
      distance = std::max(distance, std::abs(recent[i % recent.size()] - mean));
    ASSERT_NEAR(last[0], exactly::sum(window), 2.3e-16 * std::abs(mean) * n + 1e-26 * distance) << "after " << at;
    ASSERT_NEAR(last[1], mean, 4.5e-16 * std::abs(mean) + 1e-28 * distance) << "after " << at;
    ASSERT_NEAR(last[2], exactly::variance(window), 1e-14 * exactly::variance(window) + 2e-15 * distance * distance)
        << "after " << at;
    ASSERT_NEAR(last[3], exactly::slope(window), 1e-14 * std::abs(exactly::slope(window)) + 4e-15 * distance)
        << "after " << at;
    ASSERT_EQ(last[4], exactly::least(window)) << "after " << at;
    ASSERT_EQ(last[5], exactly::greatest(window)) << "after " << at;
    const double median = exactly::quantile(window, 0.5);
    ASSERT_NEAR(last[6], median, std::abs(median) / 256) << "after " << at;
  }
  EXPECT_GT(checked, 100U);
}

// Of these the exact results are known: a cycle of 1,000 numbers, again and again.
TEST(Drift, GrowingStatisticsAreExactHoweverMuchTheyHold) {
  constexpr std::uint64_t cycle = 1000;
  Bus bus({.thread = false});
  std::array<double, 6> last{};
  const Handle handle = bus.on<Number>() | map(&Number::value) | window(growing()) |
                        stats(sum(), mean(), variance(), slope(), median(), count()) |
                        subscribe([&](const std::array<double, 6>& all) { last = all; });
  std::vector<Slot> slots;
  for (std::size_t i = 0; i < cycle; ++i) slots.push_back(slot_of({0, 0.1 + static_cast<double>(i)}, i + 1));
  std::uint64_t rounds = 0;
  for (const std::uint64_t all = events() / cycle; rounds < all; ++rounds) handle->pipeline().run(slots);
  const auto n = static_cast<double>(rounds * cycle);
  std::vector<double> one;
  for (std::size_t i = 0; i < cycle; ++i) one.push_back(0.1 + static_cast<double>(i));
  EXPECT_NEAR(last[0] / static_cast<double>(exactly::mean(one) * n), 1, 1e-15);
  EXPECT_NEAR(last[1], exactly::mean(one), 2e-13);
  EXPECT_NEAR(last[2] / exactly::variance(one), 1, 1e-10);
  // each cycle rises by the same: the slope is that of a cycle, times its share of the index's square
  const double expected = (static_cast<double>(cycle) * cycle - 1) / (n * n - 1);
  EXPECT_NEAR(last[3] / expected, 1, 1e-2);
  EXPECT_NEAR(last[4], 499.1, 499.1 / 256 + 1);
  EXPECT_EQ(last[5], n);
}

}  // namespace
