#include "operators/stream.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(Window, OfACountEmitsWhatItHasWhenTheStreamEnds) {
  EXPECT_EQ(marble("12345|", [](auto in) { return std::move(in) | window(count(2)) | sum(); }), "1:3 3:7 5:5 5:|");
  EXPECT_EQ(marble("1234|", [](auto in) { return std::move(in) | window(count(2)) | sum(); }), "1:3 3:7 4:|");
  EXPECT_EQ(marble("--|", [](auto in) { return std::move(in) | window(count(2)) | sum(); }), "2:|");
}

TEST(Window, SlidingEmitsOnlyWhenItIsFull) {
  EXPECT_EQ(marble("12345|", [](auto in) { return std::move(in) | window(sliding(3)) | sum(); }), "2:6 3:9 4:12 5:|");
  EXPECT_EQ(marble("12345|", [](auto in) { return std::move(in) | window(sliding(3, 2)) | sum(); }), "2:6 4:12 5:|");
  EXPECT_EQ(marble("12|", [](auto in) { return std::move(in) | window(sliding(3)) | sum(); }), "2:|");
}

TEST(Window, WithAStepLongerThanItselfSkipsWhatLiesBetween) {
  EXPECT_EQ(marble("1234567|", [](auto in) { return std::move(in) | window(sliding(2, 3)) | sum(); }), "1:3 4:9 7:|");
  EXPECT_EQ(marble("123456|", [](auto in) { return std::move(in) | window(sliding(2, 2)) | sum(); }),
            marble("123456|", [](auto in) { return std::move(in) | window(count(2)) | sum(); }));
}

TEST(Window, OfTimeClosesAtMultiplesOfItsLength) {
  EXPECT_EQ(marble("-1-2---3---4--5-|", [](auto in) { return std::move(in) | window(sidestep::time(4ns)) | sum(); }),
            "4:3 8:3 12:4 16:5 16:|");
}

TEST(Window, AnEventExactlyAtTheEndOfItsTimeOpensTheNext) {
  EXPECT_EQ(marble("---12---|", [](auto in) { return std::move(in) | window(sidestep::time(4ns)) | sum(); }),
            "4:1 8:2 8:|");
}

TEST(Window, OfTimeNeedsNoTickIfEventsGoOn) {
  Driven driven([](auto in) { return std::move(in) | window(sidestep::time(4ns)) | sum(); });
  const Moments stream{{1, 1.0}, {3, 2.0}, {4, 3.0}, {2, 1.0}, {19, 4.0}};
  driven.run(stream.data(), stream.data() + 5, 8);
  EXPECT_EQ(driven.output, (std::vector<double>{3, 4}));
}

TEST(Window, OnlyThoseOfTimeDependOnClocks) {
  Driven of_time([](auto in) { return std::move(in) | window(sidestep::time(4ns)) | sum(); });
  Driven of_count([](auto in) { return std::move(in) | window(count(4)) | sum(); });
  EXPECT_TRUE(of_time.handle()->options().wall_time);
  EXPECT_FALSE(of_count.handle()->options().wall_time);
}

TEST(Window, MayBeReducedOnAnotherThread) {
  Bus bus;
  std::vector<double> seen;
  bus.on<Number>() | map(&Number::value) | window(sliding(3)) | observe_on(io) | sum() |
      subscribe([&](double x) { seen.push_back(x); });
  for (int i = 1; i <= 5; ++i) bus.publish(Number{static_cast<double>(i)});
  bus.flush();
  EXPECT_EQ(seen, (std::vector<double>{6, 9, 12}));
}

TEST(Window, RefusesToHoldNothing) {
  EXPECT_THROW(count(0), OperatorError);
  EXPECT_THROW(sliding(0, 1), OperatorError);
  EXPECT_THROW(sliding(1, 0), OperatorError);
  EXPECT_THROW(sidestep::time(0ns), OperatorError);
}

}  // namespace
