// A value's members may have the operators' names: in a generic lambda `a.first < b.first` is a comparison, not the
// beginning of a template's arguments, whatever `using namespace sidestep` brings in. That it compiles is the test; it
// also runs.
#include <sidestep/operators.hpp>

#include <gtest/gtest.h>

namespace {
using namespace sidestep;

// Every name of an operator, and of what is said in one: count(10), saved, named("loss").
// clang-format off
#define SIDESTEP_NAMES(X) \
  X(filter) X(every) X(first) X(last) X(element_at) X(take) X(take_last) X(take_while) X(take_until) X(skip) X(skip_while) X(skip_last) \
  X(skip_until) X(distinct) X(distinct_until_changed) X(of_type) X(ignore_elements) X(map) X(scan) X(reduce) X(pairwise) X(tap) \
  X(start_with) X(default_if_empty) X(timestamp) X(time_interval) X(materialize) X(dematerialize) X(window) X(buffer) X(count) X(sliding) \
  X(time) X(growing) X(sliding_time) X(session) X(by) X(until) X(unbounded) X(mean) X(sum) X(variance) X(standard_deviation) X(min_of) \
  X(max_of) X(quantile) X(median) X(p90) X(p99) X(histogram) X(rate) X(slope) X(plateau) X(stats) X(ewma) X(half_life) X(page_hinkley) \
  X(throttle) X(throttle_first) X(throttle_last) X(throttle_both) X(sample) X(debounce) X(audit) X(delay) X(timeout) X(rate_limit) \
  X(interval) X(merge) X(merge_by_time) X(zip) X(combine_latest) X(with_latest_from) X(concat) X(join) X(group_by) X(at_most) X(partition) \
  X(share) X(replay) X(over) X(catch_error) X(on_error_continue) X(on_error_resume) X(finally) X(completes) X(observe_on) X(io) X(compute) \
  X(probe) X(subscribe) X(saved) X(collect) X(to_metric) X(to_log) X(pure) X(named) X(is_finite) X(not_finite)
// clang-format on

struct MembersOfTheseNames {
#define SIDESTEP_MEMBER(name) int name = 0;
  SIDESTEP_NAMES(SIDESTEP_MEMBER)
#undef SIDESTEP_MEMBER
};

TEST(OperatorNames, AreNoTemplatesWhereAMemberIsMeant) {
  MembersOfTheseNames a, b;
#define SIDESTEP_COMPARE(name)                                                                     \
  {                                                                                                \
    b.name = 1;                                                                                    \
    const auto less = [](const auto& x, const auto& y) { return x.name < y.name; };                \
    const auto other = [](const auto& x, const auto& y) { return x.name < y.name || y.name > 1; }; \
    EXPECT_TRUE(less(a, b)) << #name;                                                              \
    EXPECT_FALSE(other(b, a)) << #name;                                                            \
  }
  SIDESTEP_NAMES(SIDESTEP_COMPARE)
#undef SIDESTEP_COMPARE
}

TEST(OperatorNames, AChainMayCompareMembersOfTheirNames) {
  struct Extent {
    double first, last, mean;
  };
  std::vector<double> lengths;
  for (const double x : over(std::vector<Extent>{{1, 3, 2}, {5, 4, 0}, {6, 9, 7}}, [](auto in) {
         return std::move(in) | filter([](const auto& e) { return e.first < e.last && e.mean > 0; }) |
                map([](const auto& e) { return e.last - e.first; });
       }))
    lengths.push_back(x);
  EXPECT_EQ(lengths, (std::vector<double>{2, 3}));
}

#undef SIDESTEP_NAMES
}  // namespace
