#include "operators/usual_cases.hpp"

#include <gtest/gtest.h>

namespace sidestep::test {

void Watched::value(const std::string& what) {
  output += std::to_string(clock.now()) + ":" + what + " ";
  values.push_back(what);
  if (on_value) on_value();
}

namespace {

constexpr double bad = HUGE_VAL;

/// An event or a tick, and when it was there for the chain.
struct Seen {
  Moment what;
  Nanoseconds now;
};
struct seen_in {
  std::vector<Seen>* into;
  const ManualClock* clock;
  template <class In>
  using out = In;
  void operator()(const Number& event, auto&& out) {
    into->push_back({{out.stamp(), event.value}, clock->now()});
    out(event);
  }
  void tick(auto&& out) { into->push_back({{out.stamp(), std::nullopt}, clock->now()}); }
};

/// A chain on a bus of the test's own, and what it was given.
struct Played {
  explicit Played(const Attach& chain) {
    bus.on<Number>() | seen_in{&seen, &clock} | subscribe([](const Number&) {});
    handle = chain(bus, watched);
  }
  /// One element; then the bus is idle once.
  void play(const Moment& one) {
    clock.set(one.at);
    if (one.value) bus.publish(Number{*one.value});
    idle();
  }
  void idle() {
    while (bus.poll()) {
    }
  }
  void look() const {
    if (watched.when_over) watched.when_over();
  }
  void close() {
    bus.close();
    look();
  }
  bool over() const { return handle->life() == Subscription::Life::completed || handle->failed(); }

  ManualClock clock;
  Watched watched{clock, {}, false, {}};
  std::vector<Seen> seen;
  Bus bus{{.clock = &clock, .thread = false}};  // its chains end with it
  Handle handle;
};

Moments finite_in_order(std::mt19937_64& random) {
  Moments stream;
  Nanoseconds at = 0;
  for (const Moment& one : random_stream(random)) {
    at = std::max(at, one.at);
    stream.push_back({at, one.value && std::isnan(*one.value) ? 4 : one.value});
  }
  return stream;
}

std::string text_of_stream(const Moments& stream) {
  std::string text;
  for (const Moment& one : stream) text += shown_in_stream(one) + " ";
  return text;
}

void expect_nothing_behind(const Attach& chain, const Moments& stream, std::size_t position) {
  SCOPED_TRACE("at " + std::to_string(position) + " of " + text_of_stream(stream));
  Played undisturbed(chain), failing(chain), ended(chain);
  for (std::size_t i = 0; i < position; ++i)
    for (Played* const each : {&undisturbed, &failing, &ended}) each->play(stream[i]);
  const bool was_over = undisturbed.over(), had_failed = undisturbed.handle->failed();

  failing.play({failing.clock.now(), bad});
  ended.handle->end();
  for (std::size_t i = position; i < stream.size(); ++i)
    for (Played* const each : {&failing, &ended}) each->play(stream[i]);
  failing.close();
  ended.close();

  EXPECT_EQ(failing.watched.output, undisturbed.watched.output) << "behind an error";
  EXPECT_EQ(failing.handle->failed(), had_failed || !was_over) << "an error of the source";
  EXPECT_EQ(failing.watched.ended, undisturbed.watched.ended) << "an error is no end";
  EXPECT_EQ(ended.watched.output, undisturbed.watched.output) << "when it has been unsubscribed";
  EXPECT_EQ(ended.handle->failed(), had_failed);
  EXPECT_EQ(ended.watched.ended, undisturbed.watched.ended) << "who unsubscribes is told no end";
  undisturbed.close();
}

void expect_nothing_behind_a_tick(const Attach& chain, const Moments& stream, std::size_t position) {
  SCOPED_TRACE("at " + std::to_string(position) + " of " + text_of_stream(stream));
  Played undisturbed(chain), failing(chain);
  for (std::size_t i = 0; i < position; ++i)
    for (Played* const each : {&undisturbed, &failing}) each->play(stream[i]);
  const bool was_over = undisturbed.over(), had_failed = undisturbed.handle->failed();
  failing.watched.tick_fails = true;
  failing.clock.advance(1);  // each moment has one tick
  failing.idle();
  for (std::size_t i = position; i < stream.size(); ++i) failing.play(stream[i]);
  failing.close();

  EXPECT_EQ(failing.watched.output, undisturbed.watched.output) << "behind an error at a tick";
  EXPECT_EQ(failing.handle->failed(), had_failed || !was_over) << "an error at a tick";
  EXPECT_EQ(failing.watched.ended, undisturbed.watched.ended) << "an error is no end";
}

/// How often the handler answered.
int expect_answers_as_events(const Attach& chain, const Moments& stream) {
  SCOPED_TRACE("answers to " + text_of_stream(stream));
  constexpr double answer = 100;
  Played live(chain);
  std::vector<std::size_t> published_before;  // each answer
  std::size_t published = 0;
  int answered = 0;
  bool closing = false;
  live.watched.on_value = [&] {
    if (published_before.size() == 5) return;
    ++answered;
    if (closing) return live.bus.publish(Number{0});  // behind the end nothing comes
    published_before.push_back(published++);
    live.bus.publish(Number{answer + static_cast<double>(published_before.size())});
  };
  for (const Moment& one : stream) {
    live.clock.set(one.at);
    if (one.value) live.bus.publish(Number{*one.value}), ++published;
    if (!one.value || one.at % 2 == 0) live.idle();  // now and then several are there at once
  }
  live.idle();
  closing = true;
  live.close();

  Played undisturbed(chain);
  std::size_t events = 0, answers = 0;
  for (const Seen& one : live.seen) {
    undisturbed.clock.set(one.now);
    if (one.what.value) {
      if (*one.what.value > answer) {
        EXPECT_EQ(events, published_before.at(answers++)) << "an answer comes behind all that was there";
      }
      const Slot slot = slot_of(one.what, ++events);
      undisturbed.handle->pipeline().run(std::span(&slot, 1));
    } else {
      undisturbed.handle->pipeline().mark({.kind = Mark::Kind::tick, .number = events, .stamp = one.what.at});
    }
  }
  undisturbed.handle->pipeline().mark({.kind = Mark::Kind::end, .number = events, .stamp = live.clock.now()});
  undisturbed.close();
  EXPECT_EQ(answers, published_before.size());
  EXPECT_EQ(live.watched.output, undisturbed.watched.output);
  EXPECT_EQ(live.watched.ended, undisturbed.watched.ended);
  EXPECT_EQ(live.handle->failed(), undisturbed.handle->failed()) << live.handle->error();
  return answered;
}

}  // namespace

void expect_usual_cases_of(const Attach& chain, bool emits, const Attach& at_ticks) {
  std::mt19937_64 random(61);
  int answered = 0;
  for (int round = 0; round < 12; ++round) {
    const Moments stream = finite_in_order(random);
    for (std::size_t position = 0; position <= stream.size(); ++position) {
      expect_nothing_behind(chain, stream, position);
      if (at_ticks) expect_nothing_behind_a_tick(at_ticks, stream, position);
    }
    answered += expect_answers_as_events(chain, stream);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_EQ(answered > 0, emits) << "whether anything comes out";
}

}  // namespace sidestep::test
