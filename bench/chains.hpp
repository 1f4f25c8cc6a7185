#pragma once

#include <sidestep/bus/worker.hpp>
#include <sidestep/operators.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <limits>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

/// A chain of operators beside the loop that one would write by hand for it: ns for each event that passes.
///
/// Both run over the same slots (one in ten of another type, at random) in batches as the dispatcher hands them
/// over. The loops by hand are good ones: their state lives in local variables for the length of a batch. Runs of both
/// alternate at random, and the medians are what to look at; a chain below 1 ns an event depends on where the linker
/// puts it (0.1 ns is half a cycle).
namespace sidestep::bench {

constexpr std::size_t slots_in_ring = 4096, batch = Worker::batch;

inline const std::vector<Slot>& ring() {
  static const std::vector<Slot> slots = [] {
    std::vector<Slot> made(slots_in_ring);
    std::mt19937_64 random(1);
    for (std::size_t i = 0; i < made.size(); ++i) {
      Slot& slot = made[i];
      slot.sequence = i + 1;
      slot.stamp = static_cast<Nanoseconds>(100 * i);
      slot.type = random() % 10 == 0 ? Metric::id : BatchEnd::id;
      const BatchEnd event{.step = static_cast<Step>(i),
                           .loss = static_cast<double>(random() % 1000) / 1000,
                           .learning_rate = 0.1,
                           .accuracy = 0.5F,
                           .epoch = 1,
                           .batch = 1,
                           .samples = 128};
      std::memcpy(slot.body, &event, sizeof event);
    }
    return made;
  }();
  return slots;
}

/// The last stage of each chain: a sum, kept by value, handed out at the end.
struct Sum {
  double* result;
  double sum = 0;
  void operator()(double x) { sum += x; }
  void end() { *result = sum; }
};

// The three chains, and each by hand. `run` takes a batch; `result` is asked for once.

struct FilterMapScan {
  static auto chain(Bus& bus, Sum sum) {
    return bus.on<BatchEnd>() | filter([](const BatchEnd& e) { return e.loss > 0.25; }) | map(&BatchEnd::loss) |
           scan(0.0, [](double a, double x) { return a + x; }) | subscribe(sum);
  }
  double total = 0, sum = 0;
  [[gnu::noinline]] void run(std::span<const Slot> slots) {
    double t = total, s = sum;
    for (const Slot& slot : slots) {
      if (slot.type != BatchEnd::id) continue;
      const auto& e = slot.as<BatchEnd>();
      if (!(e.loss > 0.25)) continue;
      t += e.loss;
      s += t;
    }
    total = t, sum = s;
  }
  double result() const { return sum; }
};

struct WindowThrottle {
  static auto chain(Bus& bus, Sum sum) {
    return bus.on<BatchEnd>() | window(count(10)) | mean(&BatchEnd::loss) | throttle(std::chrono::nanoseconds(5000)) |
           subscribe(sum);
  }
  double window_sum = 0, sum = 0;
  std::int64_t n = 0;
  Nanoseconds until = std::numeric_limits<Nanoseconds>::min();
  [[gnu::noinline]] void run(std::span<const Slot> slots) {
    double w = window_sum, s = sum;
    std::int64_t count = n;
    Nanoseconds next = until;
    for (const Slot& slot : slots) {
      if (slot.type != BatchEnd::id) continue;
      w += slot.as<BatchEnd>().loss;
      if (++count == 10) [[unlikely]] {
        if (slot.stamp >= next) {
          next = slot.stamp + 5000;
          s += w / 10;
        }
        w = 0, count = 0;
      }
    }
    window_sum = w, sum = s, n = count, until = next;
  }
  double result() const { return sum; }
};

struct Ten {
  static auto chain(Bus& bus, Sum sum) {
    return bus.on<BatchEnd>() | filter([](const BatchEnd& e) { return e.loss > 0.1; }) | map(&BatchEnd::loss) |
           filter([](double x) { return x < 0.95; }) | scan(0.0, [](double a, double x) { return 0.9 * a + 0.1 * x; }) |
           map([](double x) { return x * 2 + 1; }) | every(2) | window(count(5)) | mean() |
           map([](double x) { return x - 1; }) | throttle(std::chrono::nanoseconds(5000)) | subscribe(sum);
  }
  double smooth = 0, window_sum = 0, sum = 0;
  std::int64_t seen = 0, n = 0;
  Nanoseconds until = std::numeric_limits<Nanoseconds>::min();
  [[gnu::noinline]] void run(std::span<const Slot> slots) {
    double a = smooth, w = window_sum, s = sum;
    std::int64_t odd = seen, count = n;
    Nanoseconds next = until;
    for (const Slot& slot : slots) {
      if (slot.type != BatchEnd::id) continue;
      const double loss = slot.as<BatchEnd>().loss;
      if (!(loss > 0.1) || !(loss < 0.95)) continue;
      a = 0.9 * a + 0.1 * loss;
      if (++odd != 2) continue;
      odd = 0;
      w += a * 2 + 1;
      if (++count == 5) [[unlikely]] {
        if (slot.stamp >= next) {
          next = slot.stamp + 5000;
          s += w / 5 - 1;
        }
        w = 0, count = 0;
      }
    }
    smooth = a, window_sum = w, sum = s, seen = odd, n = count, until = next;
  }
  double result() const { return sum; }
};

/// CPU time of this thread: others may be at work on the machine.
inline double cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

/// ns an event of each repetition, by benchmark.
inline std::map<std::string, std::vector<double>> measured;

template <class Run>
void measure(benchmark::State& state, const std::string& name, Run run) {
  const std::span<const Slot> slots(ring());
  std::uint64_t events = 0;
  const double begin = cpu_ns();
  for (auto _ : state) {
    for (std::size_t at = 0; at < slots.size(); at += batch) run(slots.subspan(at, batch));
    events += slots.size();
  }
  const double figure = (cpu_ns() - begin) / static_cast<double>(events);
  state.counters["ns_per_event"] = figure;
  if (events > slots.size()) measured[name].push_back(figure);  // one round alone is a trial of the framework's
}

template <class C>
void by_hand(benchmark::State& state, const std::string& name) {
  C chain;
  measure(state, name, [&](std::span<const Slot> slots) { chain.run(slots); });
  benchmark::DoNotOptimize(chain.result());
}

template <class C>
void by_sidestep(benchmark::State& state, const std::string& name) {
  Bus bus({.thread = false});
  double result = 0;
  const Handle handle = C::chain(bus, Sum{&result});
  Pipeline& pipeline = handle->pipeline();
  measure(state, name, [&](std::span<const Slot> slots) { pipeline.run(slots); });
  bus.close();
}

/// Both give the same number, or the comparison means nothing.
template <class C>
void check() {
  Bus bus({.thread = false});
  double result = 0;
  const Handle handle = C::chain(bus, Sum{&result});
  C chain;
  for (int round = 0; round < 3; ++round) {
    for (std::size_t at = 0; at < ring().size(); at += batch) {
      handle->pipeline().run(std::span(ring()).subspan(at, batch));
      chain.run(std::span(ring()).subspan(at, batch));
    }
  }
  bus.close();
  // what is still in an open window at the end comes out of the chain alone: one value at most
  if (std::abs(result - chain.result()) > 1e-9 * std::abs(result) + 3)
    throw std::logic_error("the loop by hand computes " + std::to_string(chain.result()) + ", the chain " +
                           std::to_string(result));
}

template <class C>
void both(const std::string& name) {
  check<C>();
  benchmark::RegisterBenchmark(("chain/" + name + "/sidestep").c_str(), by_sidestep<C>, name + "/sidestep");
  benchmark::RegisterBenchmark(("chain/" + name + "/hand").c_str(), by_hand<C>, name + "/hand");
}

inline double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

/// What the suite is about: how much slower than by hand. On stderr, since stdout may be JSON.
inline void print_chain_ratios() {
  for (const char* name : {"filter_map_scan", "window_throttle", "ten"}) {
    const auto& ours = measured[name + std::string("/sidestep")];
    const auto& by_hand = measured[name + std::string("/hand")];
    if (!ours.empty() && !by_hand.empty())
      std::fprintf(stderr, "chain/%s: sidestep / hand = %.2f\n", name, median(ours) / median(by_hand));
  }
}

inline void register_chains() {
  both<FilterMapScan>("filter_map_scan");
  both<WindowThrottle>("window_throttle");
  both<Ten>("ten");
}

}  // namespace sidestep::bench
