#pragma once

#include <sidestep/operators.hpp>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

/// Streams of numbers for the tests of operators.
namespace sidestep::test {

struct Number {
  static constexpr EventId id = first_user_event + 200;
  static constexpr std::string_view name = "Number";
  double value;
};
struct OtherNumber {
  static constexpr EventId id = first_user_event + 201;
  static constexpr std::string_view name = "OtherNumber";
  double value;
};

inline std::string text_of(double value) {
  if (std::isnan(value)) return "nan";  // whatever its sign
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

/// Runs a marble through a chain on a bus with a clock that goes on by 1 ns for each character, and says what came out
/// and when.
///
///   marble("-1--2-|", [](auto in) { return std::move(in) | map(...); })  ->  "1:10 4:20 6:|"
///
/// A digit is an event with that value, '|' the end of the stream, anything else nothing. After each character the bus
/// is idle once, so operators that wait for time get a tick.
template <class Build>
std::string marble(std::string_view input, Build build) {
  ManualClock clock;
  Bus bus({.clock = &clock, .thread = false});
  std::string output;
  struct Sink {
    ManualClock& clock;
    std::string& output;
    void write(const std::string& what) {
      if (!output.empty()) output += ' ';
      output.append(std::to_string(clock.now())).append(1, ':').append(what);
    }
    void operator()(double value) { write(text_of(value)); }
    void end() { write("|"); }
  };
  build(bus.on<Number>() | map(&Number::value)) | subscribe(Sink{clock, output});
  Producer producer = bus.producer("test");
  for (std::size_t i = 0; i < input.size(); ++i) {
    clock.set(static_cast<Nanoseconds>(i));
    if (input[i] == '|') {
      bus.close();
      break;
    }
    if (input[i] >= '0' && input[i] <= '9') producer.publish(Number{static_cast<double>(input[i] - '0')});
    while (bus.poll()) {
    }
  }
  return output;
}

/// One element of a stream: a value, or (without) a tick.
struct Moment {
  Nanoseconds at;
  std::optional<double> value;
};
using Moments = std::vector<Moment>;

inline Slot slot_of(const Moment& moment, Sequence number) {
  Slot slot{};
  slot.sequence = number;
  slot.stamp = moment.at;
  slot.type = Number::id;
  slot.size = sizeof(Number);
  const Number event{moment.value.value_or(0)};
  std::memcpy(slot.body, &event, sizeof event);
  return slot;
}

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

/// A pipeline that the test drives itself, in place of a dispatcher.
class Driven {
 public:
  struct Sink {
    std::vector<double>* output;
    bool* ended;
    void operator()(double value) { output->push_back(value); }
    void end() { *ended = true; }
    void state(auto&) {}
  };

  template <class Build>
  explicit Driven(Build build) {
    handle_ = build(bus_.on<Number>() | map(&Number::value)) | subscribe(saved, Sink{&output, &ended});
  }

  /// Values in spans of `span` at most.
  void run(const Moment* begin, const Moment* end, std::size_t span) {
    std::vector<Slot> slots;
    const auto flush = [&] {
      if (!slots.empty()) pipeline().run(slots);
      slots.clear();
    };
    for (const Moment* at = begin; at != end; ++at) {
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
  Bus bus_{{.thread = false}};
  Handle handle_;
  Sequence number_ = 0;
};

/// Equal bit for bit: NaN equals itself, 0 is not -0.
inline bool same(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

/// A random stream of few different values, with ticks, repeated stamps, and now and then a stamp out of order or no
/// number at all.
inline Moments random_stream(std::mt19937_64& random) {
  Moments stream(random() % 24);
  Nanoseconds at = static_cast<Nanoseconds>(random() % 10);
  for (Moment& moment : stream) {
    at += static_cast<Nanoseconds>(random() % 4);
    const auto kind = random() % 16;
    moment.at = kind == 0 ? at - 3 : at;
    if (kind == 1)
      moment.value = std::nan("");
    else if (kind > 3)
      moment.value = static_cast<double>(random() % 5);
  }
  return stream;
}

}  // namespace sidestep::test
