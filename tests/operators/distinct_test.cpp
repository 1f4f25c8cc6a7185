#include "operators/answered.hpp"
#include "operators/cut.hpp"
#include "operators/drawn.hpp"
#include "operators/endings.hpp"
#include "operators/stream.hpp"
#include "operators/usual_cases.hpp"

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

TEST(Distinct, OfOneKeyDropsWhatRepeatsTheLast) {
  EXPECT_EQ(marble("1121|", [](auto in) { return std::move(in) | distinct(1); }), "0:1 2:2 3:1 4:|");
}

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

const auto of_two_keys = [](auto in) { return std::move(in) | distinct(2); };

TEST(Distinct, OfNothingAndOfOne) {
  EXPECT_EQ(marble("--|", of_two_keys), "2:|");
  EXPECT_EQ(marble("1|", of_two_keys), "0:1 1:|");
  EXPECT_EQ(marble("1111|", of_two_keys), "0:1 4:|");
}

TEST(Distinct, NaNAlwaysPassesAndTakesAPlace) {
  const auto nan_at_zero = map([](double x) { return x == 0 ? std::nan("") : x; });
  EXPECT_EQ(marble("1001|", [&](auto in) { return std::move(in) | nan_at_zero | distinct(2); }),
            "0:1 1:nan 2:nan 3:1 4:|");
}

TEST(Distinct, BetweenTakesAndWindows) {
  EXPECT_EQ(marble("1123|", [](auto in) { return std::move(in) | take(3) | distinct(8); }), "0:1 2:2 2:|");
  EXPECT_EQ(marble("1123|", [](auto in) { return std::move(in) | distinct(8) | take(2); }), "0:1 2:2 2:|");
  EXPECT_EQ(marble("1123|", [](auto in) { return std::move(in) | distinct(8) | window(count(2)) | sum(); }),
            "2:3 4:3 4:|");
}

TEST(Distinct, OfTexts) {
  EXPECT_EQ(drawn<1>({"-1-2-1-3|"},
                     [](auto in) {
                       return std::move(in) | map([](double x) { return std::string(40, 'x') + text_of(x); }) |
                              distinct(2) | map([](const std::string& text) { return text.substr(40); });
                     }),
            "-1-2---3|");
}

TEST(Distinct, MayBeUnsubscribedOrFail) {
  EXPECT_EQ(unsubscribed("11!2|", of_two_keys), "1");
  EXPECT_EQ(drawn<1>({"-1#2|"}, of_two_keys), "-1#");
  EXPECT_EQ(drawn<1>({"-1-2|"},
                     [](auto in) {
                       return std::move(in) |
                              distinct(2, [](double x) { return x == 2 ? throw MarbleError("two") : x; });
                     }),
            "-1-#");
}

TEST(Distinct, AHandlerMayPublishWhatItListensTo) { EXPECT_EQ(answered(3, of_two_keys), "1 11 2 12 "); }

TEST(Distinct, GoesOnFromAnyCut) {
  expect_same_at_every_cut("distinct", of_two_keys);
  expect_words_for_damage("distinct", of_two_keys);
}

TEST(Distinct, DescribesItself) { EXPECT_EQ(described(of_two_keys)[3], "distinct(2)"); }

TEST(Distinct, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(of_two_keys); }

}  // namespace
