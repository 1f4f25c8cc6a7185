#pragma once

#include "operators/property.hpp"
#include "operators/stream.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

/// An operator against a slow and obvious reference, over random streams.
namespace sidestep::test {

using Values = std::vector<double>;
/// What a reference says has come out of a chain by now.
struct Said {
  enum class End { not_yet, by_itself, with_an_error };
  Values values;
  End end = End::not_yet;             ///< whether the chain is over, apart from the stream's end
  std::vector<Nanoseconds> stamps{};  ///< of the values, where they aren't those of the elements that brought them
  Said(Values all) : values(std::move(all)) {}
  Said(Values all, End how) : values(std::move(all)), end(how) {}
  Said(Values all, std::vector<Nanoseconds> own) : values(std::move(all)), stamps(std::move(own)) {}
};
/// What has come out when a chain has seen this stream, and, if `over`, its end. It is asked for each beginning of a
/// stream: what is new came at that element's moment.
template <class T>
using ReferenceOf = std::function<Said(const std::vector<T>&, bool over)>;
using Reference = ReferenceOf<Moment>;
template <class T>
using ChainOf = std::function<Outcome(const std::vector<T>&, std::size_t span)>;

inline Values values_of(const Moments& stream) {
  Values values;
  for (const Moment& moment : stream)
    if (moment.value) values.push_back(*moment.value);
  return values;
}

inline bool near(const Values& a, const Values& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (std::isnan(a[i]) != std::isnan(b[i]) || std::abs(a[i] - b[i]) > 1e-12) return false;
  return true;
}

/// Where a chain of one input or of two and its reference differ, over random streams, some of them out of order,
/// unless `in_order`: in a value, the moment of one, or whether and when the chain ended or failed. Empty: nowhere.
template <class T>
std::string first_difference(const ChainOf<T>& chain, const ReferenceOf<T>& reference, bool in_order);
extern template std::string first_difference<Moment>(const ChainOf<Moment>&, const ReferenceOf<Moment>&, bool);
extern template std::string first_difference<Arrival>(const ChainOf<Arrival>&, const ReferenceOf<Arrival>&, bool);

/// A reference that takes the stream alone emits nothing at its end.
template <class Build, class R>
void compare(Build build, R reference, bool in_order = false) {
  using T = ElementOf<Build>;
  ReferenceOf<T> says;
  if constexpr (std::is_invocable_v<R&, const std::vector<T>&, bool>)
    says = reference;
  else
    says = [reference](const std::vector<T>& stream, bool) -> Said { return reference(stream); };
  const std::string difference = first_difference<T>(
      [build](const std::vector<T>& stream, std::size_t span) { return outcome_of(build, stream, span); }, says,
      in_order);
  if (!difference.empty()) FAIL() << difference;
}

/// Where two chains differ, likewise.
std::string first_difference_of_chains(const ChainOf<Moment>& chain, const ChainOf<Moment>& other);
template <class Build, class Other>
void compare_chains(Build build, Other other) {
  const std::string difference = first_difference_of_chains(
      [build](const Moments& stream, std::size_t span) { return outcome_of(build, stream, span); },
      [other](const Moments& stream, std::size_t span) { return outcome_of(other, stream, span); });
  if (!difference.empty()) FAIL() << difference;
}

/// The first random stream, as short as it goes, for which `holds` says false; empty if there is none.
std::string first_that_disagrees(const std::function<bool(const Moments&, std::size_t span)>& holds);

/// The same, where what an operator does isn't all said by the values that come out.
inline void expect_of_random_streams(const std::function<bool(const Moments&, std::size_t span)>& holds) {
  const std::string differs = first_that_disagrees(holds);
  if (!differs.empty()) FAIL() << differs;
}

/// Feeds a pipeline as a dispatcher would, and ends it.
inline void feed(Pipeline& pipeline, const Moments& stream) {
  Sequence number = 0;
  for (const Moment& one : stream) {
    if (one.value) {
      const Slot slot = slot_of(one, ++number);
      pipeline.run(std::span(&slot, 1));
    } else {
      pipeline.mark({.kind = Mark::Kind::tick, .number = number, .stamp = one.at});
    }
  }
  pipeline.mark({.kind = Mark::Kind::end, .number = number, .stamp = stream.empty() ? 0 : stream.back().at});
}

}  // namespace sidestep::test
