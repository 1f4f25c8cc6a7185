#include "operators/stream.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(Distinct, DropsWhatIsAmongTheLastKeys) {
  EXPECT_EQ(marble("121321|", [](auto in) { return std::move(in) | distinct(8); }), "0:1 1:2 3:3 6:|");
}

TEST(Distinct, ForgetsTheOldestKeyForANewOne) {
  EXPECT_EQ(marble("121321|", [](auto in) { return std::move(in) | distinct(2); }), "0:1 1:2 3:3 5:1 6:|");
}

TEST(Distinct, ComparesKeys) {
  EXPECT_EQ(
      marble("1325|",
             [](auto in) { return std::move(in) | distinct(4, [](double x) { return static_cast<int>(x) % 2; }); }),
      "0:1 2:2 4:|");
}

TEST(Distinct, RefusesABoundOfZero) { EXPECT_THROW(distinct(0), OperatorError); }

// The table deletes by shifting back: against a list that is searched.
TEST(RecentKeys, AgreeWithASearchedList) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 200; ++round) {
    const std::size_t n = 1 + random() % 9, range = 1 + random() % 20;
    sidestep::detail::RecentKeys<std::uint64_t> keys(n);
    std::vector<std::uint64_t> list;
    for (int i = 0; i < 500; ++i) {
      const std::uint64_t key = random() % range * (round % 2 == 0 ? 1 : 0x100000000ULL);
      const bool is_new = std::find(list.begin(), list.end(), key) == list.end();
      if (is_new) list.push_back(key);
      if (list.size() > n) list.erase(list.begin());
      ASSERT_EQ(keys.insert(key), is_new);
    }
  }
}

}  // namespace
