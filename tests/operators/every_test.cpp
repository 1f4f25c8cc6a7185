#include "operators/stream.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(Every, LetsEveryNthPass) {
  EXPECT_EQ(marble("-1-2-3-4-5|", [](auto in) { return std::move(in) | every(2); }), "3:2 7:4 10:|");
  EXPECT_EQ(marble("-1-2|", [](auto in) { return std::move(in) | every(1); }), "1:1 3:2 4:|");
  EXPECT_EQ(marble("-1-2|", [](auto in) { return std::move(in) | every(3); }), "4:|");
}

TEST(Every, RefusesZero) {
  EXPECT_THROW(every(0), OperatorError);
  EXPECT_THROW(every(-1), OperatorError);
}

}  // namespace
