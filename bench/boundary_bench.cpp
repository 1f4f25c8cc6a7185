// What a boundary costs the training loop while nothing is pending and deciders live: one inline, one behind
// observe_on.
//   boundary/{relaxed,lag:2}   counters: p50_ns, p99_ns (net of the timer), timer_ns, line_transfer_ns (one way,
//   between two cores of this
//                              machine, in this run), line_transfers = p50_ns / line_transfer_ns, waits (share of
//                              boundaries that waited)
// Steps are paced as in training (50 us each), so that the deciders have passed before the boundary that needs them.
#include <sidestep/operators.hpp>
#include <sidestep/trainer/control/decide.hpp>
#include <sidestep/trainer/control/loop.hpp>

#include <line_transfer.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <vector>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace {

using namespace sidestep;

/// The finest clock there is, in nanoseconds.
double now_ns() {
#if defined(__x86_64__)
  static const double per_tick = [] {
    const Nanoseconds begin = Clock::steady();
    const auto from = __rdtsc();
    while (Clock::steady() - begin < 20'000'000) {
    }
    const auto ticks = __rdtsc() - from;
    return static_cast<double>(Clock::steady() - begin) / static_cast<double>(ticks);
  }();
  _mm_lfence();  // nothing before it is left undone, nothing behind it has begun
  const auto ticks = __rdtsc();
  _mm_lfence();
  return static_cast<double>(ticks) * per_tick;
#else
  return static_cast<double>(Clock::steady());
#endif
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

void boundary(benchmark::State& state, Sync sync) {
  constexpr Step steps = 10'000;
  constexpr double pace_ns = 50'000;
  std::vector<double> took, timer;
  double waits = 0;
  for (auto _ : state) {
    Bus bus;
    Control control;
    const auto never =
        pure([](const BatchEnd& e) { return e.loss < 0 ? std::optional(Stop{"negative"}) : std::nullopt; });
    bus.on<BatchEnd>().named("inline") | decide(control, never);
    bus.on<BatchEnd>().named("observed") | every(16) | observe_on(compute) | decide(control, never);
    auto loop = control.attach(bus, {.sync = sync});
    loop.publish(FitBegin{.last_step = steps});
    for (Step step = 1; step <= steps; ++step) {
      for (const double until = now_ns() + pace_ns; now_ns() < until;) {
      }
      loop.publish(BatchEnd{.step = step, .loss = 1});
      const double begin = now_ns();
      loop.boundary();
      took.push_back(now_ns() - begin);
      const double nothing = now_ns();
      timer.push_back(now_ns() - nothing);
    }
    waits += static_cast<double>(loop.waits()) / static_cast<double>(steps);
    loop.finish();
  }
  const double timer_ns = quantile(timer, 0.5), p50 = std::max(0.0, quantile(took, 0.5) - timer_ns);
  const double transfer = bench::line_transfer_ns();
  state.counters["p50_ns"] = p50;
  state.counters["p99_ns"] = std::max(0.0, quantile(took, 0.99) - timer_ns);
  state.counters["timer_ns"] = timer_ns;
  state.counters["line_transfer_ns"] = transfer;
  state.counters["line_transfers"] = p50 / transfer;
  state.counters["waits"] = waits / static_cast<double>(state.iterations());
}

BENCHMARK_CAPTURE(boundary, relaxed, relaxed)->Name("boundary/relaxed")->Iterations(3)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(boundary, lag, lag(2))->Name("boundary/lag:2")->Iterations(3)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
