// What a boundary costs the training loop while nothing is pending and deciders live: one inline, one behind
// observe_on.
//   boundary/{relaxed,lag:2}   counters: p50_ns, p99_ns (net of the timer), timer_ns, line_transfer_ns (one way,
//                              between two cores of this machine, in this run), line_transfers = p50_ns /
//                              line_transfer_ns, waits (share of boundaries that waited)
// Steps are paced as in training (50 us each), so that the deciders have passed before the boundary that needs them.
//
// A boundary in relaxed mode is shorter than any clock's own reading, and two readings with a fence each add the time
// that the pipeline takes to fill: that is fenced_ns. Its p50_ns is therefore what eight boundaries add to eight
// publishes of an event of the same size, all between one pair of readings, divided by eight. There the thread itself
// polls the bus between bursts: with a dispatcher on another core, each publish first fetches its slot's line from
// there (60 to 250 ns), and eight of them fill the store buffer, behind which the boundary's stores then wait; a step
// has one. And publish reads no clock there: a reading is a fence of its own, which a step has before its boundary, not
// behind.
#include <sidestep/operators.hpp>
#include <sidestep/trainer/control/decide.hpp>
#include <sidestep/trainer/control/loop.hpp>

#include <line_transfer.hpp>
#include <suite.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace {

using namespace sidestep;

/// The finest clock there is, in ticks of its own: turned into nanoseconds later, or that would hide what it overlaps.
std::uint64_t ticks() {
#if defined(__x86_64__)
  _mm_lfence();  // nothing before it is left undone, nothing behind it has begun
  const std::uint64_t now = __rdtsc();
  _mm_lfence();
  return now;
#else
  return static_cast<std::uint64_t>(Clock::steady());
#endif
}
double ns_per_tick() {
  static const double once = [] {
    const Nanoseconds begin = Clock::steady();
    const std::uint64_t from = ticks();
    while (Clock::steady() - begin < 20'000'000) {
    }
    const std::uint64_t passed = ticks() - from;
    return static_cast<double>(Clock::steady() - begin) / static_cast<double>(passed);
  }();
  return once;
}

/// The quantile of values that a coarse clock has rounded: some clocks step by 10 ns, twice what is measured here. The
/// moments are no multiple of a step, so what took 4 ns reads as 0 six times in ten and as 10 four times; among equal
/// readings the quantile therefore lies as far into their step as its rank does (the median of grouped data).
double quantile(std::vector<double>& values, double q) {
  std::sort(values.begin(), values.end());
  double step = 0;  // of the clock: the smallest difference; what is below 1 ns is the conversion's rounding
  for (std::size_t i = 1; i < values.size(); ++i)
    if (const double d = values[i] - values[i - 1]; d > 1 && (step == 0 || d < step)) step = d;
  const double rank = q * static_cast<double>(values.size());
  const double value = values[std::min(values.size() - 1, static_cast<std::size_t>(rank))];
  const auto low = std::lower_bound(values.begin(), values.end(), value - 0.5);
  const auto high = std::upper_bound(values.begin(), values.end(), value + 0.5);
  return value + step * ((rank - static_cast<double>(low - values.begin())) / static_cast<double>(high - low) - 0.5);
}

/// As large as a BatchEnd, and nothing to the loop.
struct Bystander {
  static constexpr EventId id = first_user_event;
  static constexpr std::string_view name = "Bystander";
  Step step = 0;
  double values[4]{};
};
static_assert(sizeof(Bystander) == sizeof(BatchEnd));

/// A loop with both kinds of decider, paced.
class Paced {
 public:
  /// `polled`: this thread does the dispatcher's work between steps, and publish reads a clock that stands still.
  explicit Paced(Sync sync, bool polled = false)
      : bus_({.clock = polled ? &still_ : nullptr, .thread = !polled}),
        loop_((decider(), control_.attach(bus_, {.sync = sync}))),
        polled_(polled) {
    loop_.publish(FitBegin{.last_step = 1'000'000'000});
  }
  ~Paced() { loop_.finish(); }

  void pace() {
    while (polled_ && bus_.poll()) {
    }
    static const auto length = static_cast<std::uint64_t>(50'000 / ns_per_tick());
    for (const std::uint64_t until = ticks() + length; ticks() < until;) {
    }
  }
  void publish() { loop_.publish(BatchEnd{.step = ++step_, .loss = 1}); }
  void bystander() { loop_.publish(Bystander{.step = step_, .values = {1}}); }
  void boundary() { loop_.boundary(); }
  double waits() const { return static_cast<double>(loop_.waits()) / static_cast<double>(step_); }

 private:
  void decider() {
    const auto never =
        pure([](const BatchEnd& e) { return e.loss < 0 ? std::optional(Stop{"negative"}) : std::nullopt; });
    bus_.on<BatchEnd>().named("inline") | decide(control_, never);
    bus_.on<BatchEnd>().named("observed") | every(16) | observe_on(compute) | decide(control_, never);
  }

  ManualClock still_;
  Bus bus_;
  Control control_;
  Loop loop_;
  const bool polled_;
  Step step_ = 0;
};

/// How long f() takes, in nanoseconds, the timer's own time included.
template <class F>
double time(F f) {
  const std::uint64_t begin = ticks();
  f();
  const std::uint64_t end = ticks();
  return static_cast<double>(end - begin) * ns_per_tick();
}

void boundary(benchmark::State& state, Sync sync) {
  constexpr int steps = 30'000, burst = 8;
  std::vector<double> took, timer, with, without;
  double waits = 0;
  for (auto _ : state) {
    Paced loop(sync);
    for (int i = 0; i < steps; ++i) {
      loop.pace();
      loop.publish();
      took.push_back(time([&] { loop.boundary(); }));
      timer.push_back(time([] {}));
    }
    waits += loop.waits();
    if (!sync.relaxed()) continue;
    Paced here(sync, true);
    for (int i = 0; i < steps / burst; ++i) {
      here.pace();
      without.push_back(time([&] {
        for (int n = 0; n < burst; ++n) here.bystander();
      }));
      here.pace();
      with.push_back(time([&] {
        for (int n = 0; n < burst; ++n) here.publish(), here.boundary();
      }));
    }
  }
  const double timer_ns = quantile(timer, 0.5), fenced = std::max(0.0, quantile(took, 0.5) - timer_ns);
  const double p50 = sync.relaxed() ? std::max(0.0, (quantile(with, 0.5) - quantile(without, 0.5)) / burst) : fenced;
  const double transfer = bench::line_transfer_ns();
  state.counters["p50_ns"] = p50;
  state.counters["p99_ns"] = std::max(0.0, quantile(took, 0.99) - timer_ns);
  if (sync.relaxed()) state.counters["fenced_ns"] = fenced;
  state.counters["timer_ns"] = timer_ns;
  state.counters["line_transfer_ns"] = transfer;
  state.counters["line_transfers"] = p50 / transfer;
  state.counters["waits"] = waits / static_cast<double>(state.iterations());
}

BENCHMARK_CAPTURE(boundary, relaxed, relaxed)->Name("boundary/relaxed")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(boundary, lag, lag(2))->Name("boundary/lag:2")->Unit(benchmark::kMillisecond);

}  // namespace

int main(int argc, char** argv) { return bench::run(argc, argv, {bench::once}); }
