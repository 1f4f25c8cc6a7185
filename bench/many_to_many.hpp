#pragma once

/// Four threads that publish at once, and sixteen listeners: the bus, and those of the queues that take events from
/// several threads (a ReaderWriterQueue takes them from one).

#include <bus_peers.hpp>
#include <line_transfer.hpp>

#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace sidestep::bench {

constexpr std::size_t producers = 4, listeners = 16;
constexpr std::size_t events_of_many = 1 << 19;
constexpr std::size_t bound_of_many = bound * producers;  // each may have as much under way as in a ring

/// publish_some(producer) on each of the threads, `events_of_many` in all; then `flush`.
inline void many(benchmark::State& state, const std::function<void(std::size_t)>& publish_some,
                 const std::function<void()>& flush) {
  Nanoseconds spent = 0;
  for (auto _ : state) {
    const Nanoseconds begin = Clock::steady();
    {
      std::vector<std::jthread> threads;
      for (std::size_t p = 0; p < producers; ++p) threads.emplace_back([&, p] { publish_some(p); });
    }
    flush();
    spent += Clock::steady() - begin;
  }
  state.counters["events_per_second"] =
      1e9 * static_cast<double>(events_of_many) * static_cast<double>(state.iterations()) / static_cast<double>(spent);
  state.counters["one_way_ns"] = one_way_ns();
}

inline void many_on_bus(benchmark::State& state) {
  std::vector<Sum> sums(listeners);
  Bus bus;
  for (Sum& sum : sums) bus.on<BatchEnd>() | subscribe([&sum](const BatchEnd& event) { sum.take(event); });
  std::vector<Producer> from;
  for (std::size_t p = 0; p < producers; ++p) from.push_back(bus.producer("p" + std::to_string(p)));
  many(
      state,
      [&](std::size_t p) {
        for (std::size_t i = 0; i < events_of_many / producers; ++i)
          from[p].publish_at(0, BatchEnd{.step = static_cast<Step>(i)});
      },
      [&] { bus.flush(); });
}

/// One queue whose reader fans out, or one a listener, filled by all.
template <class Queue, bool one_queue_each = false>
void many_on_queues(benchmark::State& state) {
  const auto reader = std::make_unique<Reader<Queue, Sum, one_queue_each>>(listeners);
  std::size_t total = 0;
  many(
      state,
      [&](std::size_t p) {
        const std::size_t base = total;
        for (std::size_t i = 0; i < events_of_many / producers; ++i) {
          while (i % 64 == 0 && base + i * producers > reader->seen() + bound_of_many) std::this_thread::yield();
          const BatchEnd event{.step = static_cast<Step>(i)};
          for (Queue& queue : reader->queues()) {
            if constexpr (requires { queue.put(p, event); })
              queue.put(p, event);
            else
              queue.put(event);
          }
        }
      },
      [&] {
        total += events_of_many;
        while (reader->seen() != total) std::this_thread::yield();
      });
}

/// A token for each producer.
struct MoodycamelOfMany {
  moodycamel::ConcurrentQueue<BatchEnd> queue{bound_of_many * 2};
  std::vector<moodycamel::ProducerToken> in;
  moodycamel::ConsumerToken out{queue};
  MoodycamelOfMany() {
    for (std::size_t p = 0; p < producers; ++p) in.emplace_back(queue);
  }
  MoodycamelOfMany(const MoodycamelOfMany&) = delete;
  void put(std::size_t producer, const BatchEnd& event) { queue.enqueue(in[producer], event); }
  std::size_t take(BatchEnd* to, std::size_t most) { return queue.try_dequeue_bulk(out, to, most); }
};

inline void add_many_to_many() {
  const auto add = [](const char* peer, void (*f)(benchmark::State&)) {
    benchmark::RegisterBenchmark((std::string("many_to_many/") + peer).c_str(), f)->Unit(benchmark::kMillisecond);
  };
  add("sidestep", many_on_bus);
  add("moodycamel", many_on_queues<MoodycamelOfMany>);
  add("moodycamel_queues", many_on_queues<MoodycamelOfMany, true>);
  add("tbb", many_on_queues<Tbb>);
#ifdef SIDESTEP_BENCH_ATOMIC_QUEUE
  add("atomic_queue", many_on_queues<AtomicQueue<bound_of_many * 2, false>>);
#endif
#ifdef SIDESTEP_BENCH_XENIUM
  add("xenium", many_on_queues<Xenium<bound_of_many * 2>>);
#endif
  add("mutex", many_on_queues<Mutex>);
}

}  // namespace sidestep::bench
