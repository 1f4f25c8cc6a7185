#pragma once

#include "operators/moments.hpp"

#include <algorithm>
#include <type_traits>

/// Pipelines that a test drives itself, in place of a dispatcher.
namespace sidestep::test {

/// Gives out states as a checkpoint would.
struct States : CutSink {
  std::vector<std::vector<std::byte>> parts;
  void answer(std::uint64_t, Subscription&, unsigned part, std::vector<std::byte> state) override {
    if (parts.size() <= part) parts.resize(part + 1);
    parts[part] = std::move(state);
  }
  bool restore(Subscription&, unsigned part, std::vector<std::byte>& state) override {
    if (part >= parts.size()) return false;
    state = parts[part];
    return true;
  }
};

/// What a chain that `build` makes listens to: one stream of Moments, or two as Arrivals.
template <class Build>
concept TakesOne = std::is_invocable_v<Build&, decltype(std::declval<Bus&>().on<Number>() | map(&Number::value))>;
template <class Build>
using ElementOf = std::conditional_t<TakesOne<Build>, Moment, Arrival>;

/// The moment of something that a chain did: the element of the stream that brought it (the stream's length: its end),
/// and the stamp that a stage behind the chain sees.
struct When {
  std::size_t by;
  Nanoseconds stamp;
  bool operator==(const When&) const = default;
};

/// What came out of a chain.
struct Outcome {
  std::vector<double> output{};
  std::vector<When> when{};  ///< of each value
  std::vector<When> ends{};
  /// The first and last element that it was given when it failed.
  std::optional<std::pair<std::size_t, std::size_t>> failed{};
};

/// Keeps what comes, with its moment.
class Recorder {
 public:
  explicit Recorder(Outcome& to) : to_(to) {}
  void giving(std::size_t element) { mark_ = element; }
  void giving_numbers() { mark_.reset(); }
  void numbered(std::size_t element) { of_numbers_.push_back(element); }
  void value(double value, Nanoseconds stamp, Sequence number) {
    to_.output.push_back(value);
    to_.when.push_back(at(stamp, number));
  }
  void end(Nanoseconds stamp, Sequence number) { to_.ends.push_back(at(stamp, number)); }

 private:
  When at(Nanoseconds stamp, Sequence number) const {
    if (mark_) return {*mark_, stamp};
    // some tests have slots of their own
    return {number - 1 < of_numbers_.size() ? of_numbers_[number - 1] : number, stamp};
  }
  Outcome& to_;
  std::optional<std::size_t> mark_;  // the tick or end that the chain is at
  std::vector<std::size_t> of_numbers_;
};

/// The end of a chain whose values are recorded.
struct recorded_by {
  static constexpr std::string_view label = "subscribe(saved)";
  static constexpr bool saved = true;
  using is_end = void;
  Recorder* to;
  explicit recorded_by(Recorder& recorder) : to(&recorder) {}

  template <class In>
  requires std::convertible_to<const In&, double>
  using out = void;
  template <class In>
  void operator()(const In& value, auto&& out) {
    to->value(value, out.stamp(), out.number());
  }
  void end(auto&& out) { to->end(out.stamp(), out.number()); }
  void state(auto&) {}
};

/// A pipeline that the test drives itself, by a stream of T.
template <class T>
class DrivenBy : public Outcome {
 public:
  template <class Build>
  explicit DrivenBy(Build build) {
    if constexpr (std::is_same_v<T, Moment>)
      handle_ = build(bus_.on<Number>() | map(&Number::value)) | recorded_by(recorder_);
    else
      handle_ = build(input_of<Number>(bus_), input_of<OtherNumber>(bus_)) | recorded_by(recorder_);
  }
  DrivenBy(const DrivenBy&) = delete;

  /// Values in spans of `span` at most.
  void run(const T* begin, const T* end, std::size_t span) {
    std::vector<Slot> slots;
    const auto flush = [&] {
      recorder_.giving_numbers();
      if (!slots.empty()) pipeline().run(slots);
      given(slots.size());
      slots.clear();
    };
    for (const T* at = begin; at != end; ++at) {
      if (at->value) {
        recorder_.numbered(elements_ + slots.size());
        slots.push_back(slot_of(*at, ++number_));
        if (slots.size() == span) flush();
      } else {
        flush();
        recorder_.giving(elements_);
        pipeline().mark({.kind = Mark::Kind::tick, .number = number_, .stamp = at->at});
        given(1);
      }
    }
    flush();
  }
  void end(Nanoseconds at) {
    recorder_.giving(elements_);
    pipeline().mark({.kind = Mark::Kind::end, .number = number_, .stamp = at});
    given(1);
  }
  States save() {
    States states;
    recorder_.giving(elements_);
    pipeline().mark({.kind = Mark::Kind::barrier, .number = number_, .cut = 1, .sink = &states});
    return states;
  }
  void load(States& states) {
    recorder_.giving(elements_);
    pipeline().mark({.kind = Mark::Kind::restore, .number = number_, .sink = &states});
  }

  Pipeline& pipeline() { return handle_->pipeline(); }
  const Handle& handle() const { return handle_; }

  bool ended() const { return !ends.empty(); }

 private:
  void given(std::size_t elements) {
    if (elements > 0 && handle_->failed() && !failed) failed = {elements_, elements_ + elements - 1};
    elements_ += elements;
  }

  Recorder recorder_{*this};
  ManualClock clock_;  // at 0: the streams' stamps begin near it
  Bus bus_{{.clock = &clock_, .thread = false}};
  Handle handle_;
  Sequence number_ = 0;
  std::size_t elements_ = 0;
};
using Driven = DrivenBy<Moment>;
using DrivenByTwo = DrivenBy<Arrival>;

/// What the chain makes of a stream, in spans of so many values at most; if `over`, of its end too.
template <class T, class Build>
Outcome outcome_of(Build build, const std::vector<T>& stream, std::size_t span, bool over = true) {
  DrivenBy<T> driven(build);
  driven.run(stream.data(), stream.data() + stream.size(), span);
  if (over) driven.end(stream.empty() ? 0 : stream.back().at);
  return static_cast<Outcome&&>(driven);
}
template <class Build>
std::vector<double> output_of(Build build, const Moments& stream, std::size_t span) {
  return outcome_of(build, stream, span).output;
}
template <class Build>
std::vector<double> output_of(Build build, const Arrivals& stream, std::size_t span) {
  return outcome_of(build, stream, span).output;
}

/// Equal bit for bit: NaN equals itself, 0 is not -0.
inline bool same(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

}  // namespace sidestep::test
