#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace sidestep::bench {

/// One way of a cache line from core to core, in ns: half the median round trip of a ping-pong between two threads.
/// Print it beside every figure about threads: virtual cores are sometimes near and sometimes far.
inline double line_transfer_ns() {
  struct alignas(128) Word {
    std::atomic<int> value{0};
  };
  Word ping, pong;
  constexpr int rounds = 20'000, batches = 15;
  std::vector<double> medians;
  std::jthread other([&] {
    // acquire/release: each side's loop waits for the other's store
    for (int i = 1; i <= rounds * batches; ++i) {
      while (ping.value.load(std::memory_order_acquire) != i) {
      }
      pong.value.store(i, std::memory_order_release);
    }
  });
  int number = 0;
  for (int batch = 0; batch < batches; ++batch) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < rounds; ++i) {
      ping.value.store(++number, std::memory_order_release);
      while (pong.value.load(std::memory_order_acquire) != number) {
      }
    }
    medians.push_back(std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count() /
                      rounds / 2);
  }
  std::nth_element(medians.begin(), medians.begin() + batches / 2, medians.end());
  return medians[batches / 2];
}

/// The same, measured once for a process: what stands beside other figures.
inline double one_way_ns() {
  static const double ns = line_transfer_ns();
  return ns;
}

/// What reading the clock costs, in ns (median of many pairs): timed spans are given net of it.
inline double timer_ns() {
  std::vector<double> costs(10'001);
  for (double& cost : costs) {
    const auto begin = std::chrono::steady_clock::now();
    cost = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count();
  }
  std::nth_element(costs.begin(), costs.begin() + costs.size() / 2, costs.end());
  return costs[costs.size() / 2];
}

}  // namespace sidestep::bench
