#pragma once

#include "operators/answered.hpp"
#include "operators/drawn.hpp"
#include "operators/endings.hpp"
#include "operators/statistics.hpp"

#include <gtest/gtest.h>

/// The cases of every statistic whose result is a number.
namespace sidestep::test {

/// `make()` is the statistic, `reduce` says what it makes of a window's values.
template <class Statistic>
void expect_the_usual(Statistic make, const Reduce& reduce) {
  const auto at = [&](int when, const Values& values) {
    return std::to_string(when) + ":" + text_of(reduce(values)) + " ";
  };
  const auto in_twos = [=](auto in) { return std::move(in) | window(count(2)) | make(); };
  EXPECT_EQ(marble("--|", in_twos), "2:|") << "of nothing";
  EXPECT_EQ(marble("3-|", in_twos), at(2, {3}) + "2:|") << "of one value, in a window that is open at the end";
  EXPECT_EQ(marble("37|", in_twos), at(1, {3, 7}) + "2:|") << "of a window that is full at the end";
  EXPECT_EQ(marble("37152|", in_twos), at(1, {3, 7}) + at(3, {1, 5}) + at(5, {2}) + "5:|") << "of many";
  EXPECT_EQ(marble("37152|", [=](auto in) { return std::move(in) | take(3) | window(count(2)) | make(); }),
            at(1, {3, 7}) + at(2, {1}) + "2:|")
      << "where a take ends the stream in a window";
  EXPECT_EQ(marble("3715|", [=](auto in) { return std::move(in) | window(count(2)) | make() | take(1); }),
            at(1, {3, 7}) + "1:|")
      << "where a take behind it ends the stream";
  EXPECT_EQ(marble("3715|", [=](auto in) { return std::move(in) | window(sliding(3)) | make(); }),
            at(2, {3, 7, 1}) + at(3, {7, 1, 5}) + "4:|")
      << "of windows that overlap";
  EXPECT_EQ(marble("371----5|",
                   [=](auto in) { return std::move(in) | window(session(std::chrono::nanoseconds(2))) | make(); }),
            at(4, {3, 7, 1}) + at(8, {5}) + "8:|")
      << "of windows of time";
  EXPECT_EQ(unsubscribed("3!7|", in_twos), "") << "unsubscribed in a window";
  EXPECT_EQ(drawn<1>({"-3#7|"}, in_twos), "--#") << "an error in a window";
  const auto no_more = [=](auto in) {
    return std::move(in) | window(count(1)) | make() | map([](double x) -> double { throw MarbleError(text_of(x)); });
  };
  EXPECT_EQ(drawn<1>({"-3-|"}, no_more), "-#") << "an error behind it";
  EXPECT_EQ(answered(0.5 + reduce({2}),
                     [=](auto in) {
                       return std::move(in) | filter([](double x) { return x < 3; }) | window(count(1)) | make();
                     }),
            text_of(reduce({1})) + " " + text_of(reduce({2})) + " ")
      << "a handler that publishes, of which nothing comes here";
}

}  // namespace sidestep::test
