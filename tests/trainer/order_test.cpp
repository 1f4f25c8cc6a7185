#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include <sidestep/trainer/data/order.hpp>
#include <sidestep/trainer/data/random_stream.hpp>

namespace sidestep {
namespace {

using Order = std::vector<std::uint32_t>;

TEST(EpochOrder, IsAPermutation) {
  for (const std::uint32_t count : {0U, 1U, 2U, 3U, 1000U, 55'000U}) {
    Order order = epoch_order({.seed = 7, .epoch = 3}, count);
    ASSERT_EQ(order.size(), count);
    std::ranges::sort(order);
    for (std::uint32_t i = 0; i < count; ++i) ASSERT_EQ(order[i], i);
  }
}

TEST(EpochOrder, DependsOnSeedAndEpochAlone) {
  const Order order = epoch_order({.seed = 1, .epoch = 1}, 1000);
  EXPECT_EQ(epoch_order({.seed = 1, .epoch = 1}, 1000), order);
  EXPECT_NE(epoch_order({.seed = 2, .epoch = 1}, 1000), order);
  EXPECT_NE(epoch_order({.seed = 1, .epoch = 2}, 1000), order);
  EXPECT_NE(epoch_order({.seed = 1ULL << 32 | 1, .epoch = 1}, 1000), order);
}

// Written down once: another machine, compiler or library that gives another order breaks every old checkpoint.
TEST(EpochOrder, IsTheSameOnEveryMachine) {
  EXPECT_EQ(epoch_order({.seed = 1, .epoch = 1}, 10), (Order{2, 0, 4, 7, 5, 6, 1, 8, 9, 3}));
  EXPECT_EQ(epoch_order({.seed = 1, .epoch = 2}, 10), (Order{7, 2, 1, 3, 8, 6, 5, 0, 9, 4}));
}

TEST(EpochOrder, GivesEachPermutationAboutAsOften) {
  std::map<Order, int> seen;
  constexpr int epochs = 24'000;
  for (std::uint32_t epoch = 1; epoch <= epochs; ++epoch) ++seen[epoch_order({.seed = 5, .epoch = epoch}, 4)];
  ASSERT_EQ(seen.size(), 24U);
  double chi_squared = 0;
  for (const auto& [order, count] : seen) chi_squared += std::pow(count - epochs / 24.0, 2) / (epochs / 24.0);
  EXPECT_LT(chi_squared, 49.7);  // 23 degrees of freedom: one in a thousand is larger, and the seed is fixed
}

TEST(RandomStream, IsPhiloxWithTheCounterInTheFirstTwoWords) {
  RandomStream stream(0x0123456789abcdefULL, Purpose::data_order, 42);
  for (std::uint32_t block = 0; block < 3; ++block) {
    for (const std::uint32_t word : kernels::philox({block, 0, 42, 1}, 0x0123456789abcdefULL))
      EXPECT_EQ(stream.next(), word);
  }
}

// The authors' own known answers (Random123, kat_vectors).
TEST(Philox, GivesTheAuthorsNumbers) {
  using Words = std::array<std::uint32_t, 4>;
  EXPECT_EQ(kernels::philox({0, 0, 0, 0}, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(kernels::philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0x299f31d0a4093822ULL),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RandomStream, BelowStaysBelow) {
  RandomStream stream(1, Purpose::data_order, 1);
  std::array<int, 3> seen{};
  for (int i = 0; i < 3000; ++i) ++seen.at(stream.below(3));
  for (const int count : seen) EXPECT_NEAR(count, 1000, 100);
  EXPECT_EQ(stream.below(1), 0U);
}

}  // namespace
}  // namespace sidestep
