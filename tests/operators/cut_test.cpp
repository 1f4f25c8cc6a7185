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
  for_each_chain([](const char* name, auto build) {
    expect_same_at_every_cut(name, build);
  });
}

// No state that was damaged on its way makes a pipeline read what isn't there: it fails in words, or goes on with other
// values.
TEST(Cut, DamagedStatesFailInWordsAtWorst) {
  for_each_chain([](const char* name, auto build) {
    expect_words_for_damage(name, build);
  });
}

}  // namespace
