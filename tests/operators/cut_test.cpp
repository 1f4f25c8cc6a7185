#include "operators/cut.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

/// Every operator with a state, alone and in company: name and chain.
template <class F>
void for_each_chain(F f) {
  f("every", [](auto in) { return std::move(in) | every(3); });
  f("take", [](auto in) { return std::move(in) | take(4); });
  f("scan", [](auto in) { return std::move(in) | scan(0.0, [](double a, double x) { return a / 2 + x; }); });
  f("distinct_until_changed", [](auto in) { return std::move(in) | distinct_until_changed(); });
  f("distinct", [](auto in) { return std::move(in) | distinct(2); });
  f("throttle", [](auto in) { return std::move(in) | throttle(4ns); });
  f("sample", [](auto in) { return std::move(in) | sample(4ns, {.emit_last = true}); });
  f("debounce", [](auto in) { return std::move(in) | debounce(2ns); });
  f("count mean", [](auto in) { return std::move(in) | window(count(3)) | mean(); });
  f("count sum", [](auto in) { return std::move(in) | window(count(3)) | sum(); });
  f("count variance", [](auto in) { return std::move(in) | window(count(3)) | variance(); });
  f("count min", [](auto in) { return std::move(in) | window(count(3)) | min_of(); });
  f("time mean", [](auto in) { return std::move(in) | window(sidestep::time(5ns)) | mean(); });
  f("time max", [](auto in) { return std::move(in) | window(sidestep::time(5ns)) | max_of(); });
  f("sliding mean", [](auto in) { return std::move(in) | window(sliding(3)) | mean(); });
  f("sliding sum", [](auto in) { return std::move(in) | window(sliding(4, 3)) | sum(); });
  f("sliding deviation", [](auto in) { return std::move(in) | window(sliding(3, 2)) | standard_deviation(); });
  f("sliding min", [](auto in) { return std::move(in) | window(sliding(4)) | min_of(); });
  f("sliding max", [](auto in) { return std::move(in) | window(sliding(3, 2)) | max_of(); });
  f("hopping min", [](auto in) { return std::move(in) | window(sliding(2, 3)) | min_of(); });
  f("chain", [](auto in) {
    return std::move(in) | filter([](double x) { return x != 3; }) | sample(2ns) | window(sliding(2)) | sum() | take(5);
  });
  f("merged", [](auto in) {
    Bus* const bus = bus_of(in);
    return merge(std::move(in) | take(3) | window(count(2)) | mean(),
                 bus->on<Number>() | map(&Number::value) | debounce(2ns)) |
           every(2);
  });
}

// Saved at any position, loaded into a fresh pipeline and continued, gives what the uncut one gives, bit for bit; so
// does the state at the end. And how the stream is cut into spans changes nothing.
TEST(Cut, AtEveryPositionOfRandomStreamsGivesWhatTheUncutOneGives) {
  for_each_chain([](const char* name, auto build) { expect_same_at_every_cut(name, build); });
}

// No state that was damaged on its way makes a pipeline read what isn't there: it fails in words, or goes on with other
// values.
TEST(Cut, DamagedStatesFailInWordsAtWorst) {
  for_each_chain([](const char* name, auto build) { expect_words_for_damage(name, build); });
}

/// An executor that runs what is posted at once, on the thread that posts it: all parts of a pipeline are where the
/// test left them.
struct AtOnce final : Executor {
  std::shared_ptr<Work> next;
  bool runs = false;
  void post(std::shared_ptr<Work> work) override {
    next = std::move(work);
    if (std::exchange(runs, true)) return;  // by the work itself: once at a time
    while (const auto now = std::exchange(next, nullptr)) now->run();
    runs = false;
  }
};
AtOnce& at_once() {
  static AtOnce executor;
  return executor;
}

const auto both_halves = [](auto in) {
  return std::move(in) | window(sliding(2)) | sum() | observe_on(at_once()) | scan(0.0, std::plus<>()) | every(2);
};
const auto beats = [](auto in) {
  return interval(*bus_of(in), 3ns) | map([](std::int64_t n) { return static_cast<double>(n); });
};
const auto merged_of_two = [](auto a, auto b) {
  return merge(std::move(a) | window(count(2)) | mean(), std::move(b) | debounce(2ns)) | scan(0.0, std::plus<>());
};
const auto merged_until_both_end = [](auto a, auto b) {
  return merge(std::move(a) | take(2), std::move(b) | every(2) | take(2)) | window(count(3)) | sum();
};

TEST(Cut, OfTheStateOnBothSidesOfAHandover) {
  expect_same_at_every_cut("observe_on", both_halves);
  expect_words_for_damage("observe_on", both_halves);
}
TEST(Cut, OfAnIntervalAndOfOneThatIsMerged) {
  Driven driven(beats);
  const Moments ticks{{3, std::nullopt}, {7, std::nullopt}, {20, std::nullopt}};
  driven.run(ticks.data(), ticks.data() + ticks.size(), 1);
  EXPECT_EQ(driven.output, (std::vector<double>{0, 1, 5}))
      << "its first is due at 3: the cuts below are of one that speaks";
  expect_same_at_every_cut("interval", beats);
  expect_same_at_every_cut("interval, merged", [](auto in) {
    auto each_three = beats(in);
    return merge(std::move(each_three), std::move(in) | every(2));
  });
  expect_words_for_damage("interval", beats);
}
TEST(Cut, OfAMergeOfTwoTypesOfEvents) {
  expect_same_at_every_cut("merge", merged_of_two);
  expect_same_at_every_cut("merge of ends", merged_until_both_end);
  expect_words_for_damage("merge", merged_of_two);
}

}  // namespace
