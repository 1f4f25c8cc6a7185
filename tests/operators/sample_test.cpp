#include "operators/stream.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(Sample, EmitsTheLastOfEachIntervalAtItsEnd) {
  EXPECT_EQ(marble("-12-3-----4--5--|", [](auto in) { return std::move(in) | sample(4ns); }), "4:2 8:3 12:4 16:5 16:|");
}

TEST(Sample, AValueExactlyAtTheEndBelongsToTheNextInterval) {
  EXPECT_EQ(marble("-1--2----|", [](auto in) { return std::move(in) | sample(4ns); }), "4:1 8:2 9:|");
}

TEST(Sample, DropsWhatIsLeftAtTheEndUnlessTold) {
  EXPECT_EQ(marble("-1-|", [](auto in) { return std::move(in) | sample(4ns); }), "3:|");
  EXPECT_EQ(marble("-1-|", [](auto in) { return std::move(in) | sample(4ns, {.emit_last = true}); }), "3:1 3:|");
}

TEST(Sample, NeedsNoTickIfEventsGoOn) {
  Driven driven([](auto in) { return std::move(in) | sample(4ns); });
  const Moments stream{{1, 1.0}, {3, 2.0}, {4, 3.0}, {9, 4.0}, {2, 5.0}, {12, 6.0}};
  driven.run(stream.data(), stream.data() + 6, 8);
  EXPECT_EQ(driven.output, (std::vector<double>{2, 3, 5}));
}

TEST(Sample, IntervalsBeforeZeroToo) {
  EXPECT_EQ(sidestep::detail::interval_end(-1, 4), 0);
  EXPECT_EQ(sidestep::detail::interval_end(-4, 4), 0);
  EXPECT_EQ(sidestep::detail::interval_end(-5, 4), -4);
  EXPECT_EQ(sidestep::detail::interval_end(0, 4), 4);
}

}  // namespace
