#include <sidestep/operators.hpp>

#include <gtest/gtest.h>

namespace {
using namespace sidestep;

TEST(Fused, RunsAChainInOrder) {
  ManualClock clock;
  Bus bus({.clock = &clock, .thread = false});
  std::vector<double> seen;
  const Handle handle = bus.on<BatchEnd>() | map(&BatchEnd::loss) | filter([](double x) { return x > 1; }) | take(2)
                        | subscribe([&](double x) { seen.push_back(x); });
  auto producer = bus.producer("trainer", Stream::trainer);
  for (int i = 0; i < 5; ++i) producer.publish(BatchEnd{.step = i, .loss = double(i)});
  bus.flush();
  EXPECT_EQ(seen, (std::vector<double>{2, 3}));
  EXPECT_EQ(handle->life(), Subscription::Life::completed);
  for (const auto& line : handle->pipeline().describe()) puts(line.c_str());
}

TEST(Fused, ObserveOn) {
  Bus bus;
  std::vector<double> seen;
  const Handle handle = bus.on<BatchEnd>() | observe_on(io) | map(&BatchEnd::loss) | observe_on(compute)
                        | subscribe([&](double x) { seen.push_back(x); });
  auto producer = bus.producer("trainer", Stream::trainer);
  for (int i = 0; i < 10000; ++i) producer.publish(BatchEnd{.step = i, .loss = double(i)});
  bus.flush();
  EXPECT_EQ(seen.size(), 10000u);
  for (const auto& line : handle->pipeline().describe()) puts(line.c_str());
}

}  // namespace
