#include "operators/drawn.hpp"
#include "operators/endings.hpp"
#include "operators/stream.hpp"
#include "operators/usual_cases.hpp"

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

const auto sampled = [](auto in) { return std::move(in) | sample(4ns); };

TEST(Sample, OfNothingAndOfEmptyIntervals) {
  EXPECT_EQ(marble("---------|", sampled), "9:|");
  EXPECT_EQ(marble("-1----------2---|", sampled), "4:1 16:2 16:|");
}

TEST(Sample, ALateValueBelongsToTheOpenIntervalAndOpensAClosedOneAgain) {
  Driven driven(sampled);
  const Moments stream{{5, 1.0}, {2, 2.0}, {8, std::nullopt}, {3, 3.0}, {7, std::nullopt}, {8, std::nullopt}};
  driven.run(stream.data(), stream.data() + 5, 8);
  EXPECT_EQ(driven.output, (std::vector<double>{2}));
  driven.run(stream.data() + 5, stream.data() + 6, 8);
  EXPECT_EQ(driven.output, (std::vector<double>{2, 3}))
      << "an interval that a tick has closed emits once more, not never";
}

TEST(Sample, BetweenTakesAndWindows) {
  EXPECT_EQ(marble("12-3----|", [](auto in) { return std::move(in) | take(2) | sample(4ns); }), "1:|")
      << "what is left is dropped";
  EXPECT_EQ(marble("12-3----|", [](auto in) { return std::move(in) | take(2) | sample(4ns, {.emit_last = true}); }),
            "1:2 1:|");
  EXPECT_EQ(marble("1---2---3|", [](auto in) { return sampled(std::move(in)) | take(1); }), "4:1 4:|");
  EXPECT_EQ(marble("1---2---3---4|", [](auto in) { return sampled(std::move(in)) | window(count(2)) | sum(); }),
            "8:3 13:3 13:|");
}

TEST(Sample, MayBeUnsubscribedOrFail) {
  EXPECT_EQ(unsubscribed("1!2|", [](auto in) { return std::move(in) | sample(24h * 365 * 200, {.emit_last = true}); }),
            "");
  EXPECT_EQ(drawn<1>({"-1#2|"}, [](auto in) { return std::move(in) | sample(4ns, {.emit_last = true}); }), "--#");
}

TEST(Sample, KeepsTheEventsAndNotTheirSlots) {
  EXPECT_EQ(
      of_two_types(
          99, [](auto in) { return std::move(in) | sample(24h * 365 * 200, {.emit_last = true}) | map(number_of); }),
      (std::vector<double>{99}));
}

TEST(Sample, DependsOnClocks) { EXPECT_TRUE(Driven(sampled).handle()->options().wall_time); }

TEST(Sample, RefusesAnIntervalOfNothing) { EXPECT_THROW(sample(0ns), OperatorError); }

TEST(Sample, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  expect_usual_cases([](auto in) { return std::move(in) | sample(4ns); });
}

}  // namespace
