#include "operators/cut.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

/// The value and when it came.
struct stamped {
  template <class In>
  using out = double;
  void operator()(double value, auto&& out) { out(static_cast<double>(out.stamp()) * 10 + value); }
  void state(auto&) {}
};

auto delayed(auto in) { return std::move(in) | delay(4ns); }

TEST(Delay, EmitsEachValueLater) {
  EXPECT_EQ(marble("-1-2-3------4------|", [](auto in) { return delayed(std::move(in)); }), "5:1 7:2 9:3 16:4 19:|");
}

TEST(Delay, NothingComesOfNothing) {
  EXPECT_EQ(marble("-------|", [](auto in) { return delayed(std::move(in)); }), "7:|");
}

TEST(Delay, ATickExactlyThenBringsIt) {
  Driven driven([](auto in) { return delayed(std::move(in)); });
  const Moments stream{{10, 1.0}, {13, std::nullopt}, {14, std::nullopt}};
  driven.run(stream.data(), stream.data() + 2, 8);
  EXPECT_TRUE(driven.output.empty());
  driven.run(stream.data() + 2, stream.data() + 3, 8);
  EXPECT_EQ(driven.output, (Values{1}));
}

TEST(Delay, WithoutTicksTheNextValueBringsIt) {
  Driven driven([](auto in) { return delayed(std::move(in)) | stamped{}; });
  const Moments stream{{0, 1.0}, {1, 2.0}, {4, 3.0}, {50, 4.0}};
  driven.run(stream.data(), stream.data() + 4, 8);
  EXPECT_EQ(driven.output, (Values{41, 502, 503}));
}

TEST(Delay, WhatWaitsIsEmittedAtTheEnd) {
  EXPECT_EQ(marble("1-2|", [](auto in) { return delayed(std::move(in)); }), "3:1 3:2 3:|");
}

TEST(Delay, AnEarlierStampComesInItsPlace) {
  Driven driven([](auto in) { return delayed(std::move(in)); });
  const Moments stream{{10, 1.0}, {2, 2.0}, {13, std::nullopt}, {14, std::nullopt}};
  driven.run(stream.data(), stream.data() + 3, 8);
  EXPECT_TRUE(driven.output.empty());
  driven.run(stream.data() + 3, stream.data() + 4, 8);
  EXPECT_EQ(driven.output, (Values{1, 2}));
}

TEST(Delay, WhereThereIsNoRoomTheOldestComesBeforeItsTime) {
  EXPECT_EQ(marble("12345-----|", [](auto in) { return std::move(in) | delay(4ns, {.capacity = 2}); }),
            "2:1 3:2 4:3 7:4 8:5 10:|");
}

TEST(Delay, OfOneAfterTheOther) {
  EXPECT_EQ(marble("12-------|", [](auto in) { return std::move(in) | delay(2ns) | delay(3ns); }), "5:1 6:2 9:|");
}

TEST(Delay, TakeBehindItEndsTheStream) {
  EXPECT_EQ(marble("12-------|", [](auto in) { return delayed(std::move(in)) | take(1); }), "4:1 4:|");
}

TEST(Delay, RefusesATimeOrACapacityOfNothing) {
  EXPECT_THROW(delay(0ns), OperatorError);
  EXPECT_THROW(delay(1ns, {.capacity = 0}), OperatorError);
  EXPECT_THROW(delay(1ns, {.capacity = -5}), OperatorError);
}

TEST(Delay, OfEventsOfSeveralTypes) {
  ManualClock clock;
  Bus bus({.clock = &clock, .thread = false});
  std::vector<double> seen;
  bus.on<Number, OtherNumber>() | delay(4ns) | subscribe([&](const OneOf<Number, OtherNumber>& event) {
    event.visit([&](const auto& e) { seen.push_back(e.value); });
  });
  Producer producer = bus.producer("test");
  producer.publish(Number{1});
  producer.publish(OtherNumber{2});
  while (bus.poll()) {
  }
  EXPECT_TRUE(seen.empty());
  clock.set(4);
  bus.poll();
  EXPECT_EQ(seen, (std::vector<double>{1, 2}));
}

/// Each value comes with the first moment that is late enough, not before the one in front of it, and at the end at the
/// latest.
TEST(Delay, AsTheReference) {
  compare([](auto in) { return delayed(std::move(in)) | stamped{}; },
          [](const Moments& s, bool over) {
            Values out;
            std::size_t brought_by = 0;  // the moment that brought the one before
            for (std::size_t i = 0; i < s.size(); ++i) {
              if (!s[i].value) continue;
              std::size_t first = i + 1;
              while (first < s.size() && s[first].at < s[i].at + 4) ++first;
              brought_by = std::max(brought_by, first);
              if (brought_by == s.size() && !over) break;
              const Nanoseconds at = brought_by < s.size() ? s[brought_by].at : s.back().at;
              out.push_back(static_cast<double>(at) * 10 + *s[i].value);
            }
            return out;
          });
  compare([](auto in) { return std::move(in) | delay(3ns, {.capacity = 2}); },
          [](const Moments& s, bool over) {
            // as above, but no later than the second value behind it
            const auto is_value = [](const Moment& m) { return m.value.has_value(); };
            Values out;
            std::size_t brought_by = 0;
            for (std::size_t i = 0; i < s.size(); ++i) {
              if (!s[i].value) continue;
              std::size_t first = std::max(brought_by, i + 1);
              while (first < s.size() && s[first].at < s[i].at + 3) ++first;
              auto second = std::find_if(s.begin() + static_cast<std::ptrdiff_t>(i) + 1, s.end(), is_value);
              if (second != s.end()) second = std::find_if(second + 1, s.end(), is_value);
              brought_by = std::min(first, static_cast<std::size_t>(second - s.begin()));
              if (brought_by == s.size() && !over) break;
              out.push_back(*s[i].value);
            }
            return out;
          });
}

TEST(Delay, IsSavedAnywhere) {
  const auto build = [](auto in) { return std::move(in) | delay(4ns, {.capacity = 5}) | stamped{}; };
  expect_same_at_every_cut("delay", build);
  expect_words_for_damage("delay", build);
}

TEST(Delay, OfOneThatMayWait) {
  EXPECT_EQ(marble("12--3------|", [](auto in) { return std::move(in) | delay(4ns, {.capacity = 1}); }),
            "1:1 4:2 8:3 11:|");
}

TEST(Delay, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  expect_usual_cases([](auto in) { return delayed(std::move(in)); });
}

}  // namespace
