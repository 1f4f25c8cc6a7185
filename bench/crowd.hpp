#pragma once

#include <sidestep/operators.hpp>

#include <benchmark/benchmark.h>

#include <time.h>

#include <algorithm>
#include <vector>

/// Many simple pipelines on one bus: `pipelines/1000` of the suites bus and operators.
namespace sidestep::bench {

/// A bus with pipelines that sum the events' numbers, and others that listen to another type.
class Crowd {
 public:
  Crowd(std::size_t listening, std::size_t others) : sums_(listening), heard_(others) {
    // They alternate: an order in which those who listen are neighbours would be kinder.
    for (std::size_t i = 0; i < std::max(listening, others); ++i) {
      if (i < listening)
        bus_.on<BatchEnd>() | subscribe([&sum = sums_[i]](const BatchEnd& event) { sum += event.step; });
      if (i < others) bus_.on<Metric>() | subscribe([&heard = heard_[i]](const Metric&) { ++heard; });
    }
  }
  static constexpr std::size_t some = 8192;
  /// CPU time of this thread, which is the dispatcher: of some events that are all there already.
  Nanoseconds run() {
    for (std::size_t i = 0; i < some; ++i) producer_.publish_at(0, BatchEnd{.step = static_cast<Step>(i)});
    const Nanoseconds begin = thread_cpu();
    while (bus_.poll()) {
    }
    const Nanoseconds spent = thread_cpu() - begin;
    benchmark::DoNotOptimize(sums_.data());
    return spent;
  }
  /// The median of nine, in a row: what one crowd leaves in the caches isn't the next one's.
  double ns_per_event() {
    (void)run();
    std::vector<Nanoseconds> spent;
    for (int i = 0; i < 9; ++i) spent.push_back(run());
    std::nth_element(spent.begin(), spent.begin() + 4, spent.end());
    return static_cast<double>(spent[4]) / static_cast<double>(some);
  }

 private:
  static Nanoseconds thread_cpu() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1'000'000'000 + now.tv_nsec;
  }
  std::vector<Step> sums_;
  std::vector<std::uint64_t> heard_;
  Bus bus_{{.thread = false}};
  Producer producer_ = bus_.producer("bench");
};

/// ns for an event: linear in the pipelines that listen to its type, nothing for the others.
inline void thousand_pipelines(benchmark::State& state) {
  Crowd all(1000, 0), hundred(100, 0), ten(10, 0), beside(10, 990);
  for (auto _ : state) {
    const double of_all = all.ns_per_event(), of_hundred = hundred.ns_per_event(), of_ten = ten.ns_per_event(),
                 of_beside = beside.ns_per_event();
    state.counters["ns_per_event"] = of_all;
    state.counters["ns_of_100"] = of_hundred;
    state.counters["linear"] = of_all / of_hundred / 10;
    state.counters["ns_of_10"] = of_ten;
    state.counters["ns_of_10_beside_990"] = of_beside;
    state.counters["others"] = of_beside / of_ten;
  }
}

}  // namespace sidestep::bench
