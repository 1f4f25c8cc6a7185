#include "operators/reference.hpp"

namespace sidestep::test {
namespace {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr int random_streams = 1'000;  // what they are after shows in few
#define SIDESTEP_FEWER_STREAMS
#endif
#endif
#ifndef SIDESTEP_FEWER_STREAMS
constexpr int random_streams = 10'000;
#endif

/// A stream of at most so many elements, of those that `kept` names, and how many of them are handed over at a time.
template <class T>
struct Drawn {
  Drawn(std::uint64_t seed, bool in_order) {
    std::mt19937_64 random(seed);
    stream = random_stream<T>(random);
    if (in_order) std::stable_sort(stream.begin(), stream.end(), [](const T& a, const T& b) { return a.at < b.at; });
    span = 1 + random() % 8;
  }
  std::vector<T> of(const std::vector<std::size_t>& kept) const {
    std::vector<T> some;
    for (const std::size_t i : kept) some.push_back(stream[i]);
    return some;
  }
  std::vector<T> stream;
  std::size_t span;
};

/// The first stream that `agree` says false to, as short as it goes, and its span; null if there is none.
template <class T>
std::optional<std::pair<std::vector<T>, std::size_t>> disagreement(
    bool in_order, const std::function<bool(const std::vector<T>&, std::size_t span)>& agree) {
  const auto differs = counterexample(
      random_streams, [&](std::uint64_t seed) { return Drawn<T>(seed, in_order).stream.size(); },
      [&](std::uint64_t seed, const std::vector<std::size_t>& kept) {
        const Drawn<T> drawn(seed, in_order);
        return agree(kept.size() == drawn.stream.size() ? drawn.stream : drawn.of(kept), drawn.span);
      });
  if (!differs) return std::nullopt;
  const Drawn<T> drawn(differs->seed, in_order);
  return std::pair(drawn.of(differs->kept), drawn.span);
}

/// What a reference says of each beginning of a stream, as the outcome of the whole; null where it takes something
/// back.
template <class T>
std::optional<Outcome> expected_of(const ReferenceOf<T>& reference, const std::vector<T>& stream) {
  Outcome expected;
  Said all = reference(stream, true);
  std::vector<T> so_far;
  bool over = false;
  for (std::size_t i = 0; i < stream.size() && !over; ++i) {
    so_far.push_back(stream[i]);
    const Said said = reference(so_far, false);
    const std::size_t size = said.values.size();
    if (size < expected.when.size() || size > all.values.size()) return std::nullopt;
    if (!near(said.values, Values(all.values.begin(), all.values.begin() + static_cast<std::ptrdiff_t>(size))))
      return std::nullopt;
    expected.when.resize(size, {i, stream[i].at});
    over = said.end != Said::End::not_yet;
    if (said.end == Said::End::by_itself) expected.ends.push_back({i, stream[i].at});
    if (said.end == Said::End::with_an_error) expected.failed = {i, i};
  }
  const When end{stream.size(), stream.empty() ? 0 : stream.back().at};
  expected.when.resize(all.values.size(), end);
  if (!over) expected.ends.push_back(end);
  for (std::size_t i = 0; i < all.stamps.size(); ++i) expected.when[i].stamp = all.stamps[i];
  expected.output = std::move(all.values);
  return expected;
}

bool equal(const Outcome& got, const Outcome& expected) {
  if (!near(got.output, expected.output) || got.when != expected.when || got.ends != expected.ends) return false;
  if (!got.failed || !expected.failed) return !got.failed && !expected.failed;
  return got.failed->first <= expected.failed->first && expected.failed->first <= got.failed->second;
}

using test::text_of;
std::string text_of(const When& when) {
  return "@" + std::to_string(when.stamp) + " by " + std::to_string(when.by) + "; ";
}
std::string text_of(const std::optional<Outcome>& outcome) {
  if (!outcome) return "what it takes back later";
  std::string text;
  for (std::size_t i = 0; i < outcome->output.size(); ++i)
    text += text_of(outcome->output[i]) + text_of(outcome->when[i]);
  for (const When& end : outcome->ends) text += "|" + text_of(end);
  if (outcome->failed) text += "# by " + std::to_string(outcome->failed->first) + ";";
  return text;
}
template <class T>
std::string text_of(const std::vector<T>& stream) {
  std::string text = "stream ";
  for (const T& one : stream) text += shown_in_stream(one) + " ";
  return text;
}

}  // namespace

template <class T>
std::string first_difference(const ChainOf<T>& chain, const ReferenceOf<T>& reference, bool in_order) {
  const auto differs = disagreement<T>(in_order, [&](const std::vector<T>& stream, std::size_t span) {
    const std::optional<Outcome> expected = expected_of(reference, stream);
    return expected && equal(chain(stream, span), *expected);
  });
  if (!differs) return {};
  const auto& [stream, span] = *differs;
  return text_of(stream) + "in spans of " + std::to_string(span) + "\n  gave     " +
         text_of(std::optional(chain(stream, span))) + "\n  expected " + text_of(expected_of(reference, stream));
}
template std::string first_difference<Moment>(const ChainOf<Moment>&, const ReferenceOf<Moment>&, bool);
template std::string first_difference<Arrival>(const ChainOf<Arrival>&, const ReferenceOf<Arrival>&, bool);

std::string first_difference_of_chains(const ChainOf<Moment>& chain, const ChainOf<Moment>& other) {
  const auto differs = disagreement<Moment>(
      false, [&](const Moments& stream, std::size_t span) { return equal(chain(stream, span), other(stream, span)); });
  if (!differs) return {};
  const auto& [stream, span] = *differs;
  return text_of(stream) + "in spans of " + std::to_string(span) + "\n  gave     " +
         text_of(std::optional(chain(stream, span))) + "\n  expected " + text_of(std::optional(other(stream, span)));
}

std::string first_that_disagrees(const std::function<bool(const Moments&, std::size_t span)>& holds) {
  const auto differs = disagreement<Moment>(false, holds);
  return differs ? text_of(differs->first) : "";
}

}  // namespace sidestep::test
