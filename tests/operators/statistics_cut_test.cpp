#include "operators/cut.hpp"
#include "operators/statistics.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

/// Name and chain of each statistic with a state.
template <class F>
void for_each_statistic(F f) {
  f("count", [](auto in) { return std::move(in) | window(sliding(3)) | count(); });
  f("sum", [](auto in) { return std::move(in) | window(count(3)) | sum(); });
  f("sliding sum", [](auto in) { return std::move(in) | window(sliding(3)) | sum(); });
  f("growing mean", [](auto in) { return std::move(in) | window(growing()) | mean(); });
  f("growing min", [](auto in) { return std::move(in) | window(growing()) | min_of(); });
  f("sliding variance", [](auto in) { return std::move(in) | window(sliding(4)) | variance(); });
  f("sliding max", [](auto in) { return std::move(in) | window(sliding(5)) | max_of(); });
  f("quantile", [](auto in) { return std::move(in) | window(count(4)) | quantile(0.5); });
  f("sliding quantile", [](auto in) { return std::move(in) | window(sliding(4, 2)) | quantile(0.3); });
  f("sliding time", [](auto in) {
    return std::move(in) | window(sliding_time(6ns, 2ns)) | stats(median(), min_of(), sum()) |
           map([](const auto& a) { return a[0] + a[1] + a[2]; });
  });
  f("histogram", [](auto in) {
    return std::move(in) | window(sliding(3)) | histogram<2>(1, 3) |
           map([](const HistogramCounts<2>& h) {  // in doubles: a damaged state may hold any numbers
             double all = 0;
             for (const std::int64_t count : {h.counts[0], h.counts[1], h.below, h.above, h.nan})
               all = 10 * all + static_cast<double>(count);
             return all;
           });
  });
  f("slope", [](auto in) { return std::move(in) | window(count(4)) | slope(); });
  f("sliding slope", [](auto in) { return std::move(in) | window(sliding(4)) | slope(); });
  f("plateau", [](auto in) { return std::move(in) | window(sliding(3)) | plateau(1); });
  f("rate", [](auto in) { return std::move(in) | window(count(3)) | rate(); });
  f("sliding rate", [](auto in) { return std::move(in) | window(sliding(3)) | rate(); });
  f("rate of time", [](auto in) { return std::move(in) | window(sidestep::time(5ns)) | rate(); });
  f("stats", [](auto in) {
    return std::move(in) | window(sliding(3)) | stats(mean(), median(), max_of()) |
           map([](const auto& a) { return a[0] + a[1] + a[2]; });
  });
  f("ewma", [](auto in) { return std::move(in) | ewma(0.3); });
  f("ewma of time", [](auto in) { return std::move(in) | ewma(half_life(5ns)); });
  f("page_hinkley", [](auto in) { return std::move(in) | page_hinkley(0.1, 2, {.least = 2}); });
}
TEST(Cut, StatisticsAtEveryPositionOfRandomStreams) {
  for_each_statistic([](const char* name, auto build) { expect_same_at_every_cut(name, build); });
}
TEST(Cut, DamagedStatesOfStatisticsFailInWordsAtWorst) {
  for_each_statistic([](const char* name, auto build) { expect_words_for_damage(name, build); });
}
// Blocks of extremes, and sums that are begun afresh, in windows of many values.
TEST(Cut, LongWindows) {
  std::mt19937_64 random(41);
  Moments stream;
  for (int i = 0; i < 700; ++i) stream.push_back({i, static_cast<double>(random() % 1000)});
  const auto build = [](auto in) {
    return std::move(in) | window(sliding(200)) | stats(mean(), variance(), slope(), min_of(), max_of(), p90()) |
           map([](const auto& a) { return a[0] + a[1] + a[2] + a[3] + a[4] + a[5]; });
  };
  Driven whole(build);
  whole.run(stream.data(), stream.data() + stream.size(), 64);
  const States at_end = whole.save();
  for (std::size_t cut = 0; cut <= stream.size(); cut += 23) {
    Driven first(build), second(build);
    first.run(stream.data(), stream.data() + cut, 64);
    States states = first.save();
    second.load(states);
    second.run(stream.data() + cut, stream.data() + stream.size(), 64);
    ASSERT_FALSE(second.handle()->failed()) << second.handle()->error();
    Values output = first.output;
    output.insert(output.end(), second.output.begin(), second.output.end());
    ASSERT_TRUE(same(output, whole.output)) << "cut at " << cut;
    ASSERT_EQ(second.save().parts, at_end.parts) << "cut at " << cut;
  }
}

}  // namespace
