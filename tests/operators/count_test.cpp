#include "operators/statistics_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(Count, OverWindowsOfAllKinds) {
  compare_over_windows([] { return count(); }, [](const Values& v) { return static_cast<double>(v.size()); });
}
TEST(Count, OfAnIntervalOfTime) {
  EXPECT_EQ(marble("-12--3---|", [](auto in) { return std::move(in) | window(sidestep::time(4ns)) | count(); }),
            "4:2 8:1 9:|");
}
TEST(Count, OfWhateverIsInTheWindow) {
  Bus bus({.thread = false});
  std::vector<std::int64_t> seen;
  bus.on<BatchEnd, EpochEnd>() | window(count(3)) | count() | subscribe([&](std::int64_t n) { seen.push_back(n); });
  for (int i = 0; i < 4; ++i) bus.publish(BatchEnd{});
  bus.publish(EpochEnd{});
  bus.close();
  EXPECT_EQ(seen, (std::vector<std::int64_t>{3, 2}));
}

TEST(Count, InTheUsualCases) {
  expect_the_usual([] { return count(); }, [](const Values& v) { return static_cast<double>(v.size()); });
}

}  // namespace
