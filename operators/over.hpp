#pragma once

#include <sidestep/operators/fragment.hpp>

#include <ranges>
#include <vector>

namespace sidestep {

namespace detail {

template <class R>
struct RangeOut {
  std::vector<R>& into;
  Nanoseconds now;
  void operator()(const R& value) const { into.push_back(value); }
  void at(Nanoseconds, const R& value) const { into.push_back(value); }
  void done() const {}
  Nanoseconds stamp() const { return now; }
  Sequence number() const { return static_cast<Sequence>(now); }
};

/// A handler that ends its own pipeline sees nothing more of that, but what it runs meanwhile is another thing.
class RunOfItsOwn {
 public:
  RunOfItsOwn() noexcept : within_(RunningHandler::current()) {
    if (within_ != nullptr) ++within_->apart;
  }
  ~RunOfItsOwn() {
    if (within_ != nullptr) --within_->apart;
  }
  RunOfItsOwn(const RunOfItsOwn&) = delete;
  RunOfItsOwn& operator=(const RunOfItsOwn&) = delete;

 private:
  RunningHandler* within_;
};

/// What `build`, or a stage or a row of them, makes of a beginning that emits the range's values goes on to emit.
template <class Build, class V>
concept BuildsEmitting =
    Builds<BuilderOf<Build>, V> && !std::is_void_v<typename Chained<FragmentOf<BuilderOf<Build>, V>>::Value>;
/// What is wrong where it doesn't.
template <class Build, class V>
constexpr Wrong wrong_over() {
  if constexpr (BuildsEmitting<Build, V>) return Wrong::nothing;
  constexpr Wrong why = misplaced<V, BuilderOf<Build>>();
  return why == Wrong::nothing ? Wrong::input : why;
}

}  // namespace detail

/// Runs a chain over any range, without a bus, and returns what comes out, as a vector: for tests, and for data that
/// isn't events.
///
///   a    1234|
///   over(a, [](auto in) { return std::move(in) | window(count(2)) | sum(); })
///   out  ----[3,7]
///
/// The i-th element, counted from 0, has the stamp i. The chain ends with the range, or before it by itself. Keeps what
/// the chain keeps and all that comes out.
template <std::ranges::input_range Range, class Build>
requires detail::BuildsEmitting<Build, std::ranges::range_value_t<Range>>
auto over(Range&& range, Build how) {
  auto build = detail::builder_of(std::move(how));
  using V = std::ranges::range_value_t<Range>;
  using Branch = detail::Branch<detail::FragmentOf<decltype(build), V>>;
  using R = typename Branch::Emits;
  const detail::RunOfItsOwn here;
  Branch branch(build(Fragment<V>{}));
  std::vector<R> out;
  Nanoseconds now = 0;
  for (auto&& element : range) {
    const V& value = element;
    branch.run(value, detail::RangeOut<R>{out, now++});
    if (branch.over()) return out;
  }
  branch.end(detail::RangeOut<R>{out, now});
  return out;
}

// A wrong program: the chain doesn't fit, ends by itself, or would hand over.
// clang-format off
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wgcc-compat"
template <std::ranges::input_range Range, class Build>
requires(!detail::BuildsEmitting<Build, std::ranges::range_value_t<Range>>)
detail::Refused over(Range&&, Build)
    __attribute__((diagnose_if(detail::wrong_over<Build, std::ranges::range_value_t<Range>>() == detail::Wrong::handover_within,
        "observe_on stands before or behind group_by, partition, share or over, not within", "error")))
    __attribute__((diagnose_if(detail::wrong_over<Build, std::ranges::range_value_t<Range>>() == detail::Wrong::decide_within,
        "decide stands at the end of the whole pipeline: behind group_by, partition, share or over, not within", "error")))
    __attribute__((diagnose_if(detail::wrong_over<Build, std::ranges::range_value_t<Range>>() == detail::Wrong::input,
        "over takes stages that can take the range's values, or what builds a chain behind them, and no end", "error")));
#pragma clang diagnostic pop
#else
struct over_takes_stages_that_can_take_the_range_values_or_what_builds_a_chain_behind_them_and_no_end {};
template <std::ranges::input_range Range, class Build>
requires(detail::wrong_over<Build, std::ranges::range_value_t<Range>>() == detail::Wrong::handover_within)
observe_on_stands_before_or_behind_group_by_partition_share_or_over_not_within<Build> over(Range&&, Build) = delete;
template <std::ranges::input_range Range, class Build>
requires(detail::wrong_over<Build, std::ranges::range_value_t<Range>>() == detail::Wrong::decide_within)
decide_stands_at_the_end_of_the_whole_pipeline_behind_group_by_partition_share_or_over_not_within<Build> over(Range&&, Build) = delete;
template <std::ranges::input_range Range, class Build>
requires(detail::wrong_over<Build, std::ranges::range_value_t<Range>>() == detail::Wrong::input)
over_takes_stages_that_can_take_the_range_values_or_what_builds_a_chain_behind_them_and_no_end over(Range&&, Build) = delete;
#endif
// clang-format on

}  // namespace sidestep
