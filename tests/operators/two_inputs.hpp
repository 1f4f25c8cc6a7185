#pragma once

#include "operators/cut.hpp"
#include "operators/drawn.hpp"
#include "operators/reference.hpp"

#include <gtest/gtest.h>

/// Streams for operators of two inputs: as the streams of one, with a third kind of event that enters both.
namespace sidestep::test {

struct BothNumber {
  static constexpr EventId id = first_user_event + 203;
  static constexpr std::string_view name = "BothNumber";
  double value;
};

/// The events of one input; infinity is an event at which it throws.
template <Event E>
auto input_of(Bus& bus) {
  return bus.on<E, BothNumber>() | map([](const OneOf<E, BothNumber>& event) {
           double value = 0;
           event.visit([&](const auto& e) { value = e.value; });
           if (std::isinf(value)) throw MarbleError("the input throws");
           return value;
         });
}

struct ScriptSink {
  std::string& output;
  void write(const std::string& what) { output.append(output.empty() ? "" : " ").append(what); }
  void operator()(const auto& value) { write(shown(value)); }
  void end() { write("|"); }
};

/// Runs a script through a chain and says what came out, when it ended ("|") and that it failed ("#").
///
///   script("a1 b2 |", [](auto a, auto b) { return zip(std::move(a), std::move(b)); })  ->  "1,2 |"
///
/// a1, b1, c1: an event of the first input, the second, of both. x, y: one at which the first, the second throws. @5: it is 5 ns now (before,
/// the clock goes on by one with each word). ?: says whether it is over. !: the pipeline is ended by its handle. |: the stream ends. Behind each word the bus is idle
/// once, which is a tick.
template <class Build>
std::string script(std::string_view input, Build build, std::string* error = nullptr) {
  ManualClock clock;
  std::string output;
  ScriptSink sink{output};
  Bus bus({.clock = &clock, .thread = false});
  const Handle handle = [&] {
    if constexpr (std::is_invocable_v<Build&, decltype(input_of<Number>(bus))>) return build(input_of<Number>(bus)) | subscribe(sink);
    else return build(input_of<Number>(bus), input_of<OtherNumber>(bus)) | subscribe(sink);
  }();
  Producer producer = bus.producer("test");
  bool failed = false;
  for (std::size_t at = 0; at < input.size();) {
    const std::string_view word = input.substr(at, input.find(' ', at) - at);
    at += word.size() + 1;
    const double value = word.size() > 1 ? std::atof(std::string(word.substr(1)).c_str()) : HUGE_VAL;
    if (word[0] == '@') {
      clock.set(static_cast<Nanoseconds>(value));
      continue;
    }
    if (word[0] == 'a' || word[0] == 'x') producer.publish(Number{value});
    if (word[0] == 'b' || word[0] == 'y') producer.publish(OtherNumber{value});
    if (word[0] == 'c') producer.publish(BothNumber{value});
    if (word[0] == '?') sink.write(handle->life() == Subscription::Life::completed ? "over" : "on");
    if (word[0] == '!') handle->end();
    if (word[0] == '|') bus.close();
    else
      while (bus.poll()) {
      }
    if (handle->failed() && !std::exchange(failed, true)) {
      sink.write("#");
      if (error != nullptr) *error = handle->error();
    }
    clock.advance(1);
  }
  bus.close();
  return output;
}

/// What a failed pipeline says of this script.
template <class Build>
std::string words_of(std::string_view input, Build build) {
  std::string error;
  (void)script(input, std::move(build), &error);
  return error;
}

/// One element of two streams: to the first (0), the second (1) or both (2); without a value a tick.
struct Arrival {
  Nanoseconds at;
  int which;
  std::optional<double> value;
};
using Arrivals = std::vector<Arrival>;

inline Slot slot_of(const Arrival& arrival, Sequence number) {
  Slot slot = slot_of(Moment{arrival.at, arrival.value}, number);
  slot.type = arrival.which == 0 ? Number::id : arrival.which == 1 ? OtherNumber::id : BothNumber::id;
  return slot;
}

/// A pipeline of two inputs that the test drives itself.
class DrivenByTwo {
 public:
  template <class Build>
  explicit DrivenByTwo(Build build) {
    handle_ = build(input_of<Number>(bus_), input_of<OtherNumber>(bus_)) | subscribe(saved, Driven::Sink{&output, &ended});
  }
  void run(const Arrival* begin, const Arrival* end, std::size_t span) {
    std::vector<Slot> slots;
    const auto flush = [&] {
      if (!slots.empty()) pipeline().run(slots);
      slots.clear();
    };
    for (const Arrival* at = begin; at != end; ++at) {
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

inline Arrivals random_arrivals(std::mt19937_64& random) {
  Arrivals arrivals;
  for (const Moment& moment : random_stream(random)) arrivals.push_back({moment.at, static_cast<int>(random() % 5) / 2, moment.value});
  return arrivals;
}

template <class Build>
Values output_of(Build build, const Arrivals& arrivals, std::size_t span) {
  DrivenByTwo driven(build);
  driven.run(arrivals.data(), arrivals.data() + arrivals.size(), span);
  driven.end(arrivals.empty() ? 0 : arrivals.back().at);
  return driven.output;
}

/// As compare(), for two inputs.
template <class Build>
void compare_two(Build build, const std::function<Values(const Arrivals&)>& reference) {
  std::mt19937_64 random(5);
  for (int round = 0; round < random_streams; ++round) {
    Arrivals arrivals = random_arrivals(random);
    const std::size_t span = 1 + random() % 8;
    const auto agree = [&] { return near(output_of(build, arrivals, span), reference(arrivals)); };
    if (agree()) continue;
    for (std::size_t i = 0; i < arrivals.size();) {
      const Arrival without = arrivals[i];
      arrivals.erase(arrivals.begin() + static_cast<std::ptrdiff_t>(i));
      if (agree()) arrivals.insert(arrivals.begin() + static_cast<std::ptrdiff_t>(i++), without);
    }
    std::string text;
    for (const Arrival& one : arrivals)
      text += std::to_string(one.at) + (one.value ? std::string(1, "abc"[one.which]) + text_of(*one.value) : "t") + " ";
    text += "\n  gave     ";
    for (const double x : output_of(build, arrivals, span)) text += text_of(x) + " ";
    text += "\n  expected ";
    for (const double x : reference(arrivals)) text += text_of(x) + " ";
    FAIL() << "round " << round << ", stream " << text;
  }
}

/// As expect_same_at_every_cut(), for two inputs.
template <class Build>
void expect_same_at_every_cut_of_two(const char* name, Build build) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 60; ++round) {
    const Arrivals arrivals = random_arrivals(random);
    const Arrival* const begin = arrivals.data();
    const Arrival* const end = begin + arrivals.size();
    const Nanoseconds last = arrivals.empty() ? 0 : arrivals.back().at;
    DrivenByTwo whole(build);
    whole.run(begin, end, 64);
    const States at_end = whole.save();
    whole.end(last);
    for (const Arrival* cut = begin; cut <= end; ++cut) {
      DrivenByTwo first(build), second(build);
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
}

/// As expect_words_for_damage(), for two inputs.
template <class Build>
void expect_words_for_damage_of_two(const char* name, Build build) {
  std::mt19937_64 random(11);
  Arrivals arrivals;
  for (int i = 0; i < 9; ++i) arrivals.push_back({i, i % 3, static_cast<double>(i % 5)});
  DrivenByTwo first(build);
  first.run(arrivals.data(), arrivals.data() + arrivals.size(), 4);
  const States good = first.save();
  for (int round = 0; round < 200; ++round) {
    States bad = good;
    auto& bytes = bad.parts[0];
    if (round % 2 == 0) bytes.resize(random() % bytes.size());
    else bytes[random() % bytes.size()] ^= static_cast<std::byte>(1 << random() % 8);
    DrivenByTwo second(build);
    second.load(bad);
    second.run(arrivals.data(), arrivals.data() + arrivals.size(), 4);
    if (second.handle()->failed()) EXPECT_FALSE(second.handle()->error().empty()) << name;
    else EXPECT_EQ(round % 2, 1) << name << ": a state that is too short was taken";
  }
}

/// A handler that answers values below `below` with an event of the first input ten greater: what comes out, in order.
template <class Build>
std::string answered(double below, Build build) {
  Bus bus({.thread = false});
  std::string output;
  build(input_of<Number>(bus), input_of<OtherNumber>(bus)) | subscribe([&](double value) {
    output += text_of(value) + " ";
    if (value < below) bus.publish(Number{value + 10});
  });
  Producer producer = bus.producer("test");
  for (const double value : {1.0, 2.0}) {
    producer.publish(Number{value});
    producer.publish(OtherNumber{value});
    while (bus.poll()) {
    }
  }
  bus.close();
  return output;
}

/// A functor that throws at values that are `bad`.
struct ThrowsAt {
  double bad;
  using is_pure = void;
  double operator()(double value) const { return value == bad ? throw std::runtime_error("thrown at " + text_of(value)) : value; }
};

}  // namespace sidestep::test
