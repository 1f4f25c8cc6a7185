#include "operators/cut.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

auto debounced(auto in) { return std::move(in) | debounce(3ns, {.longest = 5ns}); }

TEST(DebounceLongest, ValuesThatKeepComingAreEmittedAfterTheLongestWait) {
  EXPECT_EQ(marble("-1-2-3-4-5-6----|", [](auto in) { return debounced(std::move(in)); }), "6:3 12:6 16:|");
}

TEST(DebounceLongest, AQuietTimeEndsTheWaitBefore) {
  EXPECT_EQ(marble("-1-2------3-----|", [](auto in) { return debounced(std::move(in)); }), "6:2 13:3 16:|");
}

TEST(DebounceLongest, NothingComesOfNothing) {
  EXPECT_EQ(marble("--------|", [](auto in) { return debounced(std::move(in)); }), "8:|");
}

TEST(DebounceLongest, AValueExactlyThenBeginsTheNextWait) {
  EXPECT_EQ(marble("1-2-34-----|", [](auto in) { return debounced(std::move(in)); }), "5:3 8:4 11:|");
}

TEST(DebounceLongest, IsFoundOutByTheNextValueToo) {
  Driven driven([](auto in) { return debounced(std::move(in)); });
  const Moments stream{{0, 1.0}, {2, 2.0}, {4, 3.0}, {5, 4.0}};
  driven.run(stream.data(), stream.data() + 4, 8);
  EXPECT_EQ(driven.output, (Values{3}));
}

TEST(DebounceLongest, WhatWaitsIsEmittedAtTheEnd) {
  EXPECT_EQ(marble("-1-2|", [](auto in) { return debounced(std::move(in)); }), "4:2 4:|");
}

TEST(DebounceLongest, AnEarlierStampNeitherShortensNorLengthensTheWait) {
  Driven driven([](auto in) { return debounced(std::move(in)); });
  const Moments stream{{10, 1.0}, {2, 2.0}, {12, 3.0}, {14, 4.0}, {14, std::nullopt}};
  driven.run(stream.data(), stream.data() + 5, 8);
  EXPECT_TRUE(driven.output.empty());
  const Moment due{15, std::nullopt};
  driven.run(&due, &due + 1, 8);
  EXPECT_EQ(driven.output, (Values{4}));
}

TEST(DebounceLongest, TheWaitBeginsAnewBehindEachValueThatCameOut) {
  EXPECT_EQ(marble("-12--345---------|", [](auto in) { return debounced(std::move(in)); }), "5:2 10:5 17:|");
}

TEST(DebounceLongest, TakeBehindItEndsTheStream) {
  EXPECT_EQ(marble("-1-2-3-4-5-6----|", [](auto in) { return debounced(std::move(in)) | take(1); }), "6:3 6:|");
}

TEST(DebounceLongest, RefusesAWaitShorterThanTheQuiet) {
  EXPECT_THROW(debounce(3ns, {.longest = 2ns}), OperatorError);
  EXPECT_THROW(debounce(3ns, {.longest = -1ns}), OperatorError);
  EXPECT_NO_THROW(debounce(3ns, {.longest = 3ns}));
}

TEST(DebounceLongest, AsTheReference) {
  compare([](auto in) { return std::move(in) | debounce(2ns, {.longest = 4ns}); },
          [](const Moments& s, bool over) {
            Values out;
            Moments waits;
            for (const Moment& m : s) {
              Nanoseconds newest = std::numeric_limits<Nanoseconds>::min();
              for (const Moment& one : waits) newest = std::max(newest, one.at);
              if (!waits.empty() && (m.at >= newest + 2 || m.at >= waits.front().at + 4)) {
                out.push_back(*waits.back().value);
                waits.clear();
              }
              if (m.value) waits.push_back(m);
            }
            if (over && !waits.empty()) out.push_back(*waits.back().value);
            return out;
          });
}

TEST(DebounceLongest, IsSavedAnywhere) {
  const auto build = [](auto in) { return std::move(in) | debounce(2ns, {.longest = 4ns}); };
  expect_same_at_every_cut("debounce longest", build);
  expect_words_for_damage("debounce longest", build);
}

TEST(DebounceLongest, DescribesItself) {
  EXPECT_EQ(Driven([](auto in) { return debounced(std::move(in)); }).pipeline().describe()[3], "debounce(3, 5)");
  EXPECT_EQ(Driven([](auto in) { return std::move(in) | debounce(3ns); }).pipeline().describe()[3], "debounce(3)");
}

TEST(DebounceLongest, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  expect_usual_cases([](auto in) { return debounced(std::move(in)); });
}

}  // namespace
