#include "operators/stream.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(Tap, SeesEachValueAndLetsItPass) {
  std::vector<double> seen;
  EXPECT_EQ(marble("-1-2|", [&](auto in) { return std::move(in) | tap([&](double x) { seen.push_back(x); }); }),
            "1:1 3:2 4:|");
  EXPECT_EQ(seen, (std::vector<double>{1, 2}));
}

TEST(Tap, IsCalledBeforeWhatFollows) {
  std::string order;
  marble("-1|", [&](auto in) {
    return std::move(in) | tap([&](double) { order += 'a'; }) | tap([&](double) { order += 'b'; });
  });
  EXPECT_EQ(order, "ab");
}

}  // namespace
