#include "operators/cut.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"
#include "replaced_new.hpp"

#include <gtest/gtest.h>

namespace {
/// Allocations while `counting`.
thread_local bool counting = false;
thread_local std::size_t allocations = 0;
}  // namespace

void* sidestep::test::take_memory(std::size_t bytes, std::size_t alignment) {
  if (counting) ++allocations;
  return aligned_memory(bytes, alignment);
}
void sidestep::test::give_memory(void* memory) noexcept { std::free(memory); }

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

/// A buffer as one number: its digits in order.
constexpr auto digits = [](const std::vector<double>& values) {
  double all = 0;
  for (const double x : values) all = all * 10 + (std::isnan(x) ? 9 : x);
  return all;
};
auto buffered(auto in, auto... how) { return std::move(in) | buffer(how...) | map(digits); }

TEST(Buffer, OfACount) {
  EXPECT_EQ(marble("1-2-3-4-5|", [](auto in) { return buffered(std::move(in), count(2)); }), "2:12 6:34 9:5 9:|");
  EXPECT_EQ(marble("1-2-3|", [](auto in) { return buffered(std::move(in), count(1)); }), "0:1 2:2 4:3 5:|");
}

TEST(Buffer, OfASlidingCount) {
  EXPECT_EQ(marble("12345|", [](auto in) { return buffered(std::move(in), sliding(3)); }), "2:123 3:234 4:345 5:|");
  EXPECT_EQ(marble("1234567|", [](auto in) { return buffered(std::move(in), sliding(3, 2)); }),
            "2:123 4:345 6:567 7:|");
  EXPECT_EQ(marble("1234567|", [](auto in) { return buffered(std::move(in), sliding(2, 3)); }), "1:12 4:45 7:|");
}

TEST(Buffer, OfATime) {
  EXPECT_EQ(
      marble("-1-2---3---4--5-|", [](auto in) { return buffered(std::move(in), sidestep::time(4ns), unbounded); }),
      "4:12 8:3 12:4 16:5 16:|");
}

TEST(Buffer, OfASession) {
  EXPECT_EQ(marble("-1-2------3|", [](auto in) { return buffered(std::move(in), session(4ns), unbounded); }),
            "7:12 11:3 11:|");
}

TEST(Buffer, OfAKey) {
  const auto odd = [](double x) { return static_cast<int>(x) % 2; };
  EXPECT_EQ(marble("1324|", [&](auto in) { return buffered(std::move(in), by(odd), unbounded); }), "2:13 4:24 4:|");
}

TEST(Buffer, UntilAValue) {
  const auto is_zero = [](double x) { return x == 0; };
  EXPECT_EQ(marble("120304|", [&](auto in) { return buffered(std::move(in), until(is_zero), unbounded); }),
            "2:120 4:30 6:4 6:|");
}

TEST(Buffer, OfASlidingTime) {
  EXPECT_EQ(marble("-1-2---3--------|", [](auto in) { return buffered(std::move(in), sliding_time(6ns, 3ns)); }),
            "3:1 6:12 9:23 12:3 16:|");
  EXPECT_EQ(marble("-1-2|", [](auto in) { return buffered(std::move(in), sliding_time(6ns, 3ns)); }),
            "3:1 4:12 4:2 4:|");
}

TEST(Buffer, NothingComesOfNothing) {
  EXPECT_EQ(marble("-----|", [](auto in) { return buffered(std::move(in), count(2)); }), "5:|");
  EXPECT_EQ(marble("-----|", [](auto in) { return buffered(std::move(in), session(2ns), unbounded); }), "5:|");
}

TEST(Buffer, OneThatIsFullIsEmittedBeforeItsWindowCloses) {
  EXPECT_EQ(
      marble("123------|", [](auto in) { return buffered(std::move(in), session(4ns), BufferOptions{.at_most = 2}); }),
      "1:12 6:3 9:|");
  EXPECT_EQ(
      marble("12-------|", [](auto in) { return buffered(std::move(in), session(4ns), BufferOptions{.at_most = 2}); }),
      "1:12 9:|");
  EXPECT_EQ(marble("12345|", [](auto in) { return buffered(std::move(in), count(3), BufferOptions{.at_most = 2}); }),
            "1:12 2:3 4:45 5:|");
}

TEST(Buffer, OfWindowsThatOverlapTheOldestLeaves) {
  EXPECT_EQ(marble("12345|", [](auto in) { return buffered(std::move(in), sliding(3), BufferOptions{.at_most = 2}); }),
            "2:23 3:34 4:45 5:|");
  EXPECT_EQ(
      marble("123456|", [](auto in) { return buffered(std::move(in), sliding(3, 3), BufferOptions{.at_most = 1}); }),
      "2:3 5:6 6:|");
}

TEST(Buffer, WhatLeftForWantOfRoomDoesNotLeaveAgain) {
  EXPECT_EQ(
      marble("-12-3--------|",
             [](auto in) { return buffered(std::move(in), sliding_time(6ns, 3ns), BufferOptions{.at_most = 2}); }),
      "3:12 6:23 9:3 13:|");
}

TEST(Buffer, TakeBehindItEndsTheStream) {
  EXPECT_EQ(marble("1234|", [](auto in) { return buffered(std::move(in), count(2)) | take(1); }), "1:12 1:|");
}

TEST(Buffer, ATakeBeforeItLetsItEmit) {
  EXPECT_EQ(marble("12345|", [](auto in) { return buffered(std::move(in) | take(3), count(2)); }), "1:12 2:3 2:|");
}

TEST(Buffer, DependsOnClocksAsItsWindowDoes) {
  Driven counted([](auto in) { return buffered(std::move(in), count(2)); });
  Driven timed([](auto in) { return buffered(std::move(in), session(4ns), unbounded); });
  EXPECT_FALSE(counted.handle()->options().wall_time);
  EXPECT_TRUE(timed.handle()->options().wall_time);
  EXPECT_FALSE(counted.pipeline().wants_ticks());
  EXPECT_TRUE(timed.pipeline().wants_ticks());
}

TEST(Buffer, SaysItsWindowAndItsBound) {
  Bus bus({.thread = false});
  const Handle handle =
      bus.on<Number>() | buffer(session(4ns), {.at_most = 7}) | subscribe([](const std::vector<Number>&) {});
  const std::vector<std::string> lines = handle->pipeline().describe();
  EXPECT_EQ(lines.at(1), "buffer(window(session), 4, 7)");
}

TEST(Buffer, OperatorsThatKeepItCopyIt) {
  EXPECT_EQ(
      marble("1234-5678----|", [](auto in) { return std::move(in) | buffer(count(2)) | debounce(3ns) | map(digits); }),
      "6:34 11:78 13:|");
}

TEST(Buffer, IsCopiedToAnotherThread) {
  Bus bus({.thread = false});
  std::vector<std::vector<double>> seen;
  bus.on<Number>() | map(&Number::value) | buffer(count(2)) | observe_on(io) |
      subscribe([&](const std::vector<double>& values) { seen.push_back(values); });
  for (int i = 1; i <= 5; ++i) bus.publish(Number{static_cast<double>(i)});
  bus.close();
  EXPECT_EQ(seen, (std::vector<std::vector<double>>{{1, 2}, {3, 4}, {5}}));
}

double value_of(const OneOf<Number, OtherNumber>& event) {
  double value = 0;
  event.visit([&](const auto& each) { value = each.value; });
  return value;
}
TEST(Buffer, OfEventsOfSeveralTypesHereAndOnAnotherThread) {
  Bus bus({.thread = false});
  std::vector<double> here, there;
  const auto into = [](std::vector<double>& to) {
    return [&to](const std::vector<OneOf<Number, OtherNumber>>& events) {
      for (const auto& event : events) to.push_back(value_of(event));
      to.push_back(-1);
    };
  };
  bus.on<Number, OtherNumber>() | buffer(sliding(2)) | subscribe(into(here));
  bus.on<Number, OtherNumber>() | buffer(sliding(2)) | observe_on(io) | subscribe(into(there));
  Producer producer = bus.producer("test");
  producer.publish(Number{1});
  producer.publish(OtherNumber{2});
  producer.publish(Number{3});
  bus.close();
  EXPECT_EQ(here, (std::vector<double>{1, 2, -1, 2, 3, -1}));
  EXPECT_EQ(there, here);
}

TEST(Buffer, OfText) {
  EXPECT_EQ(marble("12345|",
                   [](auto in) {
                     return std::move(in) |
                            map([](double x) { return std::string(static_cast<std::size_t>(x), 'a'); }) |
                            buffer(sliding(2)) | map([](const std::vector<std::string>& texts) {
                              return static_cast<double>(texts[0].size() * 10 + texts[1].size());
                            });
                   }),
            "1:12 2:23 3:34 4:45 5:|");
}

TEST(Buffer, AllocatesNothingOnceItHasGrown) {
  const auto build = [](auto in) {
    return std::move(in) | buffer(sliding(7, 2)) | map(digits) | buffer(session(3ns), {.at_most = 5}) | map(digits) |
           buffer(sliding_time(6ns, 2ns, {.at_most = 10})) | map(digits) | filter([](double x) { return x < 0; });
  };
  Driven driven(build);
  std::vector<Slot> slots;
  for (Sequence i = 1; i <= 400; ++i)
    slots.push_back(slot_of({static_cast<Nanoseconds>(i + i / 10 * 5), static_cast<double>(i % 5)}, i));
  driven.pipeline().run(std::span(slots).first(200));
  allocations = 0, counting = true;
  driven.pipeline().run(std::span(slots).subspan(200));
  counting = false;
  EXPECT_EQ(allocations, 0u);
}

TEST(Buffer, AThrowingConsumerFailsItsPipelineAlone) {
  Bus bus({.thread = false});
  const Handle handle = bus.on<Number>() | buffer(count(2)) |
                        subscribe([](const std::vector<Number>&) { throw std::runtime_error("no more"); });
  bus.publish(Number{1});
  bus.publish(Number{2});
  while (bus.poll()) {
  }
  EXPECT_TRUE(handle->failed());
}

TEST(Buffer, RefusesABoundOfNothing) {
  EXPECT_THROW(buffer(session(1s), {.at_most = 0}), OperatorError);
  EXPECT_THROW(buffer(count(3), {.at_most = -1}), OperatorError);
}

/// A buffer reduced is the window's statistic.
template <class Spec>
void expect_the_mean_of(Spec spec, auto... how) {
  compare_chains(
      [=](auto in) {
        return std::move(in) | buffer(spec, how...) | map([](const std::vector<double>& values) {
                 double total = 0;
                 for (const double x : values) total += x;
                 return total / static_cast<double>(values.size());
               });
      },
      [=](auto in) { return std::move(in) | window(spec) | mean(); });
}
TEST(Buffer, HoldsWhatTheWindowHolds) {
  expect_the_mean_of(count(3));
  expect_the_mean_of(sliding(4, 3));
  expect_the_mean_of(sidestep::time(4ns), unbounded);
  expect_the_mean_of(session(2ns), unbounded);
  expect_the_mean_of(sliding_time(5ns, 2ns, {.at_most = 3}));
  expect_the_mean_of(by([](double x) { return x > 2; }), unbounded);
  expect_the_mean_of(until([](double x) { return x == 0; }), unbounded);
}

TEST(Buffer, InPiecesLosesNothing) {
  compare(
      [](auto in) {
        return std::move(in) | buffer(session(3ns), {.at_most = 2}) |
               map([](const std::vector<double>& v) { return static_cast<double>(v.size()); }) |
               scan(0.0, std::plus<>()) | map([](double x) { return x; });
      },
      [](const Moments& s, bool over) {
        // pieces of two and the rest of each session, summed up
        Values out;
        double total = 0;
        std::size_t held = 0;
        std::optional<Nanoseconds> newest;  // of the session
        const auto close = [&] {
          if (held > 0) out.push_back(total);
          held = 0;
        };
        for (const Moment& m : s) {
          if (newest && m.at - *newest >= 3) close(), newest.reset();
          if (!m.value) continue;
          newest = std::max(m.at, newest.value_or(m.at));
          ++total;
          if (++held == 2) close();
        }
        if (over) close();
        return out;
      });
}

TEST(Buffer, IsSavedAnywhere) {
  const auto each = [](const char* name, auto build) {
    expect_same_at_every_cut(name, build);
    expect_words_for_damage(name, build);
  };
  each("buffer count", [](auto in) { return buffered(std::move(in), count(3)); });
  each("buffer sliding", [](auto in) { return buffered(std::move(in), sliding(4, 3), BufferOptions{.at_most = 3}); });
  each("buffer session", [](auto in) { return buffered(std::move(in), session(2ns), BufferOptions{.at_most = 2}); });
  each("buffer sliding_time", [](auto in) { return buffered(std::move(in), sliding_time(5ns, 2ns, {.at_most = 3})); });
}

TEST(Buffer, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  expect_usual_cases([](auto in) { return buffered(std::move(in), session(2ns), BufferOptions{.at_most = 2}); });
}

}  // namespace
