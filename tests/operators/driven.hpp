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

/// A pipeline that the test drives itself, by a stream of T.
template <class T>
class DrivenBy {
 public:
  struct Sink {
    std::vector<double>* output;
    bool* ended;
    void operator()(double value) { output->push_back(value); }
    void end() { *ended = true; }
    void state(auto&) {}
  };

  template <class Build>
  explicit DrivenBy(Build build) {
    const Sink sink{&output, &ended};
    if constexpr (std::is_same_v<T, Moment>) handle_ = build(bus_.on<Number>() | map(&Number::value)) | subscribe(saved, sink);
    else handle_ = build(input_of<Number>(bus_), input_of<OtherNumber>(bus_)) | subscribe(saved, sink);
  }

  /// Values in spans of `span` at most.
  void run(const T* begin, const T* end, std::size_t span) {
    std::vector<Slot> slots;
    const auto flush = [&] {
      if (!slots.empty()) pipeline().run(slots);
      slots.clear();
    };
    for (const T* at = begin; at != end; ++at) {
      if (at->value) {
        slots.push_back(slot_of(*at, ++number_));
        if (slots.size() == span) flush();
      } else {
        flush();
        pipeline().mark({.kind = Mark::Kind::tick, .number = number_, .stamp = at->at});
      }
    }
    flush();
  }
  void end(Nanoseconds at) { pipeline().mark({.kind = Mark::Kind::end, .number = number_, .stamp = at}); }
  States save() {
    States states;
    pipeline().mark({.kind = Mark::Kind::barrier, .number = number_, .cut = 1, .sink = &states});
    return states;
  }
  void load(States& states) { pipeline().mark({.kind = Mark::Kind::restore, .number = number_, .sink = &states}); }

  Pipeline& pipeline() { return handle_->pipeline(); }
  const Handle& handle() const { return handle_; }

  std::vector<double> output;
  bool ended = false;

 private:
  ManualClock clock_;  // at 0: the streams' stamps begin near it
  Bus bus_{{.clock = &clock_, .thread = false}};
  Handle handle_;
  Sequence number_ = 0;
};
using Driven = DrivenBy<Moment>;
using DrivenByTwo = DrivenBy<Arrival>;

/// What the chain makes of a stream, in spans of so many values at most.
template <class T, class Build>
std::vector<double> output_of_stream(Build build, const std::vector<T>& stream, std::size_t span) {
  DrivenBy<T> driven(build);
  driven.run(stream.data(), stream.data() + stream.size(), span);
  driven.end(stream.empty() ? 0 : stream.back().at);
  return driven.output;
}
template <class Build>
std::vector<double> output_of(Build build, const Moments& stream, std::size_t span) {
  return output_of_stream(build, stream, span);
}
template <class Build>
std::vector<double> output_of(Build build, const Arrivals& stream, std::size_t span) {
  return output_of_stream(build, stream, span);
}

/// Equal bit for bit: NaN equals itself, 0 is not -0.
inline bool same(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

}  // namespace sidestep::test
