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

/// A handler that has ended its own pipeline sees nothing more of that, but what it runs meanwhile is another thing.
class RunOfItsOwn {
 public:
  RunOfItsOwn() noexcept : stopped_(RunningHandler::stopped() ? RunningHandler::current() : nullptr) {
    if (stopped_ != nullptr) stopped_->belongs_to(stopped_->whose);
  }
  ~RunOfItsOwn() {
    if (stopped_ != nullptr) stopped_->stop();
  }
  RunOfItsOwn(const RunOfItsOwn&) = delete;
  RunOfItsOwn& operator=(const RunOfItsOwn&) = delete;

 private:
  RunningHandler* stopped_;
};

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
requires detail::Builds<Build, std::ranges::range_value_t<Range>> &&
    (!std::is_void_v<typename detail::Chained<
         detail::FragmentOf<Build, std::ranges::range_value_t<Range>>>::Value>)auto over(Range&& range, Build build) {
  using V = std::ranges::range_value_t<Range>;
  using Branch = detail::Branch<detail::FragmentOf<Build, V>>;
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

}  // namespace sidestep
