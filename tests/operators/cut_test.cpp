#include "operators/stream.hpp"

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
    Bus* const bus = in.bus;
    return merge(std::move(in) | take(3) | window(count(2)) | mean(),
                 bus->on<Number>() | map(&Number::value) | debounce(2ns)) |
           every(2);
  });
}

// Saved at any position, loaded into a fresh pipeline and continued, gives what the uncut one gives, bit for bit; so
// does the state at the end. And how the stream is cut into spans changes nothing.
TEST(Cut, AtEveryPositionOfRandomStreamsGivesWhatTheUncutOneGives) {
  for_each_chain([](const char* name, auto build) {
    std::mt19937_64 random(7);
    for (int round = 0; round < 60; ++round) {
      const Moments stream = random_stream(random);
      const Moment* const begin = stream.data();
      const Moment* const end = begin + stream.size();
      const Nanoseconds last = stream.empty() ? 0 : stream.back().at;
      Driven whole(build);
      whole.run(begin, end, 64);
      const States at_end = whole.save();
      whole.end(last);
      for (const Moment* cut = begin; cut <= end; ++cut) {
        Driven first(build), second(build);
        first.run(begin, cut, 1 + static_cast<std::size_t>(cut - begin) % 3);
        States states = first.save();
        second.load(states);
        second.run(cut, end, 2);
        ASSERT_EQ(second.save().parts, at_end.parts) << name;
        second.end(last);
        std::vector<double> output = first.output;
        output.insert(output.end(), second.output.begin(), second.output.end());
        ASSERT_TRUE(same(output, whole.output)) << name << ", round " << round << ", cut at " << cut - begin;
        ASSERT_EQ(second.ended || first.ended, whole.ended) << name;
        ASSERT_FALSE(second.handle()->failed()) << name << second.handle()->error();
        if (begin == end) break;
      }
    }
  });
}

// No state that was damaged on its way makes a pipeline read what isn't there: it fails in words, or goes on with other
// values.
TEST(Cut, DamagedStatesFailInWordsAtWorst) {
  for_each_chain([](const char* name, auto build) {
    std::mt19937_64 random(11);
    Moments stream;
    for (int i = 0; i < 9; ++i) stream.push_back({i, static_cast<double>(i % 5)});
    Driven first(build);
    first.run(stream.data(), stream.data() + stream.size(), 4);
    const States good = first.save();
    for (int round = 0; round < 200; ++round) {
      States bad = good;
      auto& bytes = bad.parts[0];
      if (round % 2 == 0)
        bytes.resize(random() % bytes.size());
      else
        bytes[random() % bytes.size()] ^= static_cast<std::byte>(1 << random() % 8);
      Driven second(build);
      second.load(bad);
      second.run(stream.data(), stream.data() + stream.size(), 4);
      if (second.handle()->failed())
        EXPECT_FALSE(second.handle()->error().empty()) << name;
      else
        EXPECT_EQ(round % 2, 1) << name << ": a state that is too short was taken";
    }
  });
}

}  // namespace
