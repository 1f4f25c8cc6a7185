#include "operators/answered.hpp"
#include "operators/drawn.hpp"
#include "operators/endings.hpp"
#include "operators/stream.hpp"
#include "operators/usual_cases.hpp"

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

TEST(Window, SlidingOfMoreValuesThanAMemoryHoldsIsRefusedWhereItIsSaid) {
  const std::int64_t most = std::int64_t{1} << 30;
  EXPECT_THROW(sliding(most + 1), OperatorError);
  EXPECT_NO_THROW(sliding(most));
  EXPECT_THROW(sliding(most + 1, most + 1), OperatorError) << "a statistic behind it keeps them";
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

TEST(Window, OfOneValueIsThatValue) {
  for (const char* const stream : {"1-2|", "|"}) {
    const std::string same = marble(stream, [](auto in) { return in; });
    EXPECT_EQ(marble(stream, [](auto in) { return std::move(in) | window(count(1)) | sum(); }), same);
    EXPECT_EQ(marble(stream, [](auto in) { return std::move(in) | window(sliding(1)) | sum(); }), same);
  }
}

TEST(Window, ATakeBeforeItEndsItAsTheStreamsEndDoes) {
  EXPECT_EQ(marble("12345|", [](auto in) { return std::move(in) | take(3) | window(count(2)) | sum(); }),
            "1:3 2:3 2:|");
  EXPECT_EQ(marble("12345|", [](auto in) { return std::move(in) | take(4) | window(sliding(3)) | sum(); }),
            "2:6 3:9 3:|");
  EXPECT_EQ(marble("12345|", [](auto in) { return std::move(in) | take(2) | window(sidestep::time(4ns)) | sum(); }),
            "1:3 1:|");
}

TEST(Window, ATakeBehindItDropsWhatIsOpen) {
  EXPECT_EQ(marble("12345|", [](auto in) { return std::move(in) | window(count(2)) | sum() | take(1); }), "1:3 1:|");
  EXPECT_EQ(marble("12345|", [](auto in) { return std::move(in) | window(sliding(2)) | sum() | take(1); }), "1:3 1:|");
  EXPECT_EQ(marble("12345|", [](auto in) { return std::move(in) | window(sidestep::time(2ns)) | sum() | take(1); }),
            "2:3 2:|");
}

TEST(Window, OfTimeALateValueBelongsToTheOpenOneAndOpensAClosedOneAgain) {
  Driven driven([](auto in) { return std::move(in) | window(sidestep::time(4ns)) | sum(); });
  const Moments stream{{5, 1.0}, {2, 2.0}, {8, std::nullopt}, {3, 4.0}, {7, std::nullopt}, {9, std::nullopt}};
  driven.run(stream.data(), stream.data() + 3, 8);
  EXPECT_EQ(driven.output, (std::vector<double>{3}));
  driven.run(stream.data() + 3, stream.data() + 5, 8);
  EXPECT_EQ(driven.output, (std::vector<double>{3})) << "it waits for the same end";
  driven.run(stream.data() + 5, stream.data() + 6, 8);
  EXPECT_EQ(driven.output, (std::vector<double>{3, 4}));
}

TEST(Window, UnsubscribedOrFailedEmitsNothing) {
  const auto each = [](auto build) {
    EXPECT_EQ(unsubscribed("1!23|", build), "");
    EXPECT_EQ(drawn<1>({"-1#23|"}, build), "--#");
  };
  each([](auto in) { return std::move(in) | window(count(2)) | sum(); });
  each([](auto in) { return std::move(in) | window(sliding(2)) | sum(); });
  each([](auto in) { return std::move(in) | window(sidestep::time(1s)) | sum(); });
}

TEST(Window, AHandlerMayPublishWhatItListensTo) {
  EXPECT_EQ(answered(4, [](auto in) { return std::move(in) | window(count(2)) | sum(); }), "3 13 ");
  EXPECT_EQ(answered(14, [](auto in) { return std::move(in) | window(sliding(2)) | sum(); }), "3 15 ");
}

TEST(Window, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  expect_usual_cases([](auto in) { return std::move(in) | window(count(2)) | sum(); });
  expect_usual_cases([](auto in) { return std::move(in) | window(sliding(3, 2)) | sum(); });
  expect_usual_cases([](auto in) { return std::move(in) | window(sidestep::time(4ns)) | sum(); });
}

}  // namespace
