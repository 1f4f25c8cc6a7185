#include "operators/cut.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

auto both_edges(auto in) { return std::move(in) | throttle(4ns, {.trailing = true}); }
auto last_edge(auto in) { return std::move(in) | throttle(4ns, {.leading = false, .trailing = true}); }

TEST(ThrottleEdges, TheFirstAtOnceAndTheLastAtTheEnd) {
  EXPECT_EQ(marble("--1-2-3-----------4|", [](auto in) { return both_edges(std::move(in)); }),
            "2:1 6:2 10:3 18:4 19:|");
}

TEST(ThrottleEdges, OneValueAloneComesOnce) {
  EXPECT_EQ(marble("-1---------|", [](auto in) { return both_edges(std::move(in)); }), "1:1 11:|");
  EXPECT_EQ(marble("-----------|", [](auto in) { return both_edges(std::move(in)); }), "11:|");
}

TEST(ThrottleEdges, NoTwoComeCloserThanTheInterval) {
  EXPECT_EQ(marble("123456789123456|", [](auto in) { return both_edges(std::move(in)); }),
            "0:1 4:4 8:8 12:3 15:6 15:|");
}

TEST(ThrottleEdges, AValueExactlyAtTheEndBelongsToTheNextInterval) {
  EXPECT_EQ(marble("12--3------|", [](auto in) { return both_edges(std::move(in)); }), "0:1 4:2 8:3 11:|");
  EXPECT_EQ(marble("1---3------|", [](auto in) { return both_edges(std::move(in)); }), "0:1 4:3 11:|");
}

TEST(ThrottleEdges, WhetherATickComesInBetweenChangesNothing) {
  const Moments without{{0, 1.0}, {1, 2.0}, {9, 3.0}, {10, 4.0}, {30, 5.0}};
  Moments with = without;
  for (const Nanoseconds at : {4, 5, 8, 13, 14, 20})
    with.insert(std::find_if(with.begin(), with.end(), [&](const Moment& m) { return m.at > at; }), {at, std::nullopt});
  for (const Moments& stream : {without, with})
    EXPECT_EQ(output_of([](auto in) { return both_edges(std::move(in)); }, stream, 8), (Values{1, 2, 3, 4, 5}));
}

TEST(ThrottleEdges, WhatWaitsAtTheEndIsEmitted) {
  EXPECT_EQ(marble("1-2|", [](auto in) { return both_edges(std::move(in)); }), "0:1 3:2 3:|");
  EXPECT_EQ(marble("1-2|", [](auto in) { return last_edge(std::move(in)); }), "3:2 3:|");
}

TEST(ThrottleEdges, AnEarlierStampBelongsToTheOpenInterval) {
  Driven driven([](auto in) { return both_edges(std::move(in)); });
  const Moments stream{{10, 1.0}, {3, 2.0}, {14, std::nullopt}};
  driven.run(stream.data(), stream.data() + 2, 8);
  EXPECT_EQ(driven.output, (Values{1}));
  driven.run(stream.data() + 2, stream.data() + 3, 8);
  EXPECT_EQ(driven.output, (Values{1, 2}));
}

TEST(ThrottleEdges, ALateValueBehindATickBelongsToTheIntervalThatTheTickOpened) {
  Driven driven([](auto in) { return both_edges(std::move(in)); });
  const Moments stream{{10, 1.0}, {11, 2.0}, {15, std::nullopt}, {12, 3.0}, {17, std::nullopt}, {18, std::nullopt}};
  driven.run(stream.data(), stream.data() + 5, 8);
  EXPECT_EQ(driven.output, (Values{1, 2}));
  driven.run(stream.data() + 5, stream.data() + 6, 8);
  EXPECT_EQ(driven.output, (Values{1, 2, 3}));
}

TEST(ThrottleEdges, TheLastAlone) {
  EXPECT_EQ(marble("--1-2-3-----------4----|", [](auto in) { return last_edge(std::move(in)); }), "6:2 10:3 22:4 23:|");
}

TEST(ThrottleEdges, TheFirstAloneIsThrottle) {
  EXPECT_EQ(marble("--1-2-3-----4--5--|", [](auto in) { return std::move(in) | throttle(4ns, {}); }),
            "2:1 6:3 12:4 18:|");
  EXPECT_EQ(marble("--1-2-3-----4--5--|", [](auto in) { return std::move(in) | throttle_first(4ns); }),
            "2:1 6:3 12:4 18:|");
  EXPECT_EQ(marble("--1-2-3-|", [](auto in) { return std::move(in) | throttle_both(4ns); }), "2:1 6:2 8:3 8:|");
}

TEST(ThrottleEdges, TakeBehindItEndsTheStream) {
  EXPECT_EQ(marble("1-2-3-4-|", [](auto in) { return both_edges(std::move(in)) | take(2); }), "0:1 4:2 4:|");
}

TEST(ThrottleEdges, NaNIsAValue) {
  Driven driven([](auto in) { return both_edges(std::move(in)); });
  const Moments stream{{0, std::nan("")}, {1, std::nan("")}, {4, std::nullopt}};
  driven.run(stream.data(), stream.data() + 3, 8);
  ASSERT_EQ(driven.output.size(), 2u);
  EXPECT_TRUE(std::isnan(driven.output[0]) && std::isnan(driven.output[1]));
}

TEST(ThrottleEdges, RefusesWhatEmitsNothing) {
  EXPECT_THROW((void)throttle(4ns, {.leading = false}), OperatorError);
  EXPECT_THROW((void)throttle(0ns, {.trailing = true}), OperatorError);
  EXPECT_THROW((void)throttle(-1ns), OperatorError);
}

/// Interval by interval, over the whole stream at once. One in which a value waits is over at the first moment behind
/// it, another at the first value.
Values edges_of(const Moments& s, bool leading, bool over) {
  Values out;
  for (std::size_t i = 0; i < s.size();) {
    if (!s[i].value) {
      ++i;
      continue;
    }
    Nanoseconds end = s[i].at + 4;
    if (leading) out.push_back(*s[i++].value);
    for (;; end += 4) {
      std::optional<double> last;
      for (; i < s.size() && (s[i].at < end || (!s[i].value && !last)); ++i)
        if (s[i].value) last = s[i].value;
      if (!last || (i == s.size() && !over)) break;
      out.push_back(*last);
    }
  }
  return out;
}

TEST(ThrottleEdges, AsTheReference) {
  compare([](auto in) { return both_edges(std::move(in)); },
          [](const Moments& s, bool over) { return edges_of(s, true, over); });
  compare([](auto in) { return last_edge(std::move(in)); },
          [](const Moments& s, bool over) { return edges_of(s, false, over); });
}

TEST(ThrottleEdges, IsSavedAnywhere) {
  const auto build = [](auto in) { return both_edges(std::move(in)); };
  expect_same_at_every_cut("throttle edges", build);
  expect_words_for_damage("throttle edges", build);
}

TEST(ThrottleEdges, DescribesItself) {
  EXPECT_EQ(Driven([](auto in) { return both_edges(std::move(in)); }).pipeline().describe()[3],
            "throttle(edges)(4, leading, trailing)");
  EXPECT_EQ(Driven([](auto in) { return last_edge(std::move(in)); }).pipeline().describe()[3],
            "throttle(edges)(4, trailing)");
}

TEST(ThrottleEdges, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  expect_usual_cases([](auto in) { return both_edges(std::move(in)); });
}

}  // namespace
