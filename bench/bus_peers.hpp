#pragma once

/// Ways to hand BatchEnds from one thread to N listeners: the bus, and the queues that one would pick instead, each as
/// its user would write it, at its best (no std::function, bulk operations, tokens).
///
/// A way has publish(event), flush() (returns when every listener has seen all), and is made with the number of
/// listeners.

#include <sidestep/bus/local_socket.hpp>
#include <sidestep/bus/shared_bus.hpp>
#include <sidestep/operators.hpp>

#include <benchmark/benchmark.h>
#include <concurrentqueue/concurrentqueue.h>
#include <tbb/concurrent_queue.h>
#ifdef SIDESTEP_BENCH_READERWRITERQUEUE
#include <readerwriterqueue/readerwriterqueue.h>
#endif
#ifdef SIDESTEP_BENCH_ATOMIC_QUEUE
#include <atomic_queue/atomic_queue.h>
#endif
#ifdef SIDESTEP_BENCH_XENIUM
#include <xenium/vyukov_bounded_queue.hpp>
#endif

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sidestep::bench {

constexpr std::size_t batch = 64;
constexpr std::size_t bound = 16384;  ///< events that may be under way: the bus' default ring

/// The smallest thing that isn't nothing (a sum of losses would measure the latency of an addition).
struct alignas(64) Sum {
  std::int64_t sum = 0;
  void take(const BatchEnd& event) { sum += event.step; }
};

/// How long events were under way: `step` is the time at which they were published.
struct alignas(64) Delays {
  std::vector<Nanoseconds> all = [] {
    std::vector<Nanoseconds> room;
    room.reserve(1 << 20);
    return room;
  }();
  void take(const BatchEnd& event) { all.push_back(Clock::steady() - event.step); }
};

/// A thread that takes what comes out of queues and hands it to the listeners: of one queue to all of them, or of each
/// to its own. It waits by yielding, having nothing else to do.
template <class Queue, class Listener, bool one_queue_each>
class Reader {
 public:
  explicit Reader(std::size_t listeners)
      : listeners_(listeners),
        queues_(one_queue_each ? std::max<std::size_t>(1, listeners) : 1),
        thread_([this] { read(); }) {}
  ~Reader() {
    done_.store(true, std::memory_order_release);  // pairs with the acquire in read()
    thread_.join();
  }
  std::vector<Queue>& queues() { return queues_; }
  std::vector<Listener>& listeners() { return listeners_; }
  /// How many all listeners have seen.
  std::size_t seen() const { return read_.load(std::memory_order_acquire); }  // pairs with the release in read()

 private:
  void read() {
    std::vector<BatchEnd> taken(batch);
    std::vector<std::size_t> counts(queues_.size());
    while (!done_.load(std::memory_order_acquire)) {
      bool found = false;
      for (std::size_t q = 0; q < queues_.size(); ++q) {
        const std::size_t count = queues_[q].take(taken.data(), batch);
        counts[q] += count;
        found |= count != 0;
        const std::size_t first = one_queue_each ? q : 0;
        const std::size_t last = one_queue_each ? std::min(q + 1, listeners_.size()) : listeners_.size();
        for (std::size_t l = first; l < last; ++l)
          for (std::size_t i = 0; i < count; ++i) listeners_[l].take(taken[i]);
      }
      if (!found) {
        std::this_thread::yield();
        continue;
      }
      read_.store(*std::min_element(counts.begin(), counts.end()), std::memory_order_release);  // pairs with seen()
    }
    benchmark::DoNotOptimize(listeners_.data());
  }
  std::vector<Listener> listeners_;
  std::vector<Queue> queues_;
  alignas(128) std::atomic<std::size_t> read_{0};
  std::atomic<bool> done_{false};
  std::thread thread_;
};

/// One thread publishes.
template <class Queue, class Listener, bool one_queue_each>
class Queues {
 public:
  explicit Queues(std::size_t listeners) : reader_(listeners) {}
  void publish(const BatchEnd& event) {
    // A queue that may grow without bound would measure the allocator: as much may be under way as in a ring.
    if (sent_ - seen_ >= bound)
      while (sent_ - (seen_ = reader_.seen()) >= bound) std::this_thread::yield();
    for (Queue& queue : reader_.queues()) queue.put(event);
    ++sent_;
  }
  void flush() {
    while (reader_.seen() != sent_) std::this_thread::yield();
  }
  std::vector<Listener>& listeners() { return reader_.listeners(); }

 private:
  std::size_t sent_ = 0, seen_ = 0;
  Reader<Queue, Listener, one_queue_each> reader_;
};
/// One queue whose reader hands each batch to all listeners.
template <class Queue, class Listener = Sum>
using FanOut = Queues<Queue, Listener, false>;
/// One queue a listener.
template <class Queue, class Listener = Sum>
using OneEach = Queues<Queue, Listener, true>;

struct Moodycamel {
  moodycamel::ConcurrentQueue<BatchEnd> queue{bound * 2};
  moodycamel::ProducerToken in{queue};
  moodycamel::ConsumerToken out{queue};
  void put(const BatchEnd& event) { queue.enqueue(in, event); }
  std::size_t take(BatchEnd* to, std::size_t most) { return queue.try_dequeue_bulk(out, to, most); }
};

/// Of a queue that hands out one at a time.
template <class Pop>
std::size_t take_each(BatchEnd* to, std::size_t most, Pop pop) {
  std::size_t count = 0;
  while (count < most && pop(to[count])) ++count;
  return count;
}

struct Tbb {
  tbb::concurrent_queue<BatchEnd> queue;
  void put(const BatchEnd& event) { queue.push(event); }
  std::size_t take(BatchEnd* to, std::size_t most) {
    return take_each(to, most, [this](BatchEnd& event) { return queue.try_pop(event); });
  }
};

#ifdef SIDESTEP_BENCH_READERWRITERQUEUE
struct ReaderWriter {
  moodycamel::ReaderWriterQueue<BatchEnd> queue{bound};
  void put(const BatchEnd& event) { queue.enqueue(event); }
  std::size_t take(BatchEnd* to, std::size_t most) {
    return take_each(to, most, [this](BatchEnd& event) { return queue.try_dequeue(event); });
  }
};
#endif

#ifdef SIDESTEP_BENCH_ATOMIC_QUEUE
/// Bounded; with one producer and one consumer its fastest form.
template <std::size_t capacity = bound * 2, bool one_producer = true>
struct AtomicQueue {
  using Queue = atomic_queue::AtomicQueue2<BatchEnd, capacity, true, true, false, one_producer>;
  std::unique_ptr<Queue> queue{new Queue};
  void put(const BatchEnd& event) { queue->push(event); }
  std::size_t take(BatchEnd* to, std::size_t most) {
    return take_each(to, most, [this](BatchEnd& event) { return queue->try_pop(event); });
  }
};
#endif

#ifdef SIDESTEP_BENCH_XENIUM
/// Its bounded queue: what is under way never fills it.
template <std::size_t capacity = bound * 2>
struct Xenium {
  xenium::vyukov_bounded_queue<BatchEnd, xenium::policy::default_to_weak<true>> queue{capacity};
  void put(const BatchEnd& event) {
    while (!queue.try_push(event)) std::this_thread::yield();
  }
  std::size_t take(BatchEnd* to, std::size_t most) {
    return take_each(to, most, [this](BatchEnd& event) { return queue.try_pop(event); });
  }
};
#endif

struct Mutex {
  std::unique_ptr<std::mutex> mutex{new std::mutex};
  std::deque<BatchEnd> queue;
  void put(const BatchEnd& event) {
    const std::lock_guard lock(*mutex);
    queue.push_back(event);
  }
  std::size_t take(BatchEnd* to, std::size_t most) {
    const std::lock_guard lock(*mutex);
    const std::size_t count = std::min(most, queue.size());
    std::copy_n(queue.begin(), count, to);
    queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(count));
    return count;
  }
};

/// So that others could watch it: at a place that nobody else has.
inline std::shared_ptr<SharedBus> shared_somewhere() {
  const Descriptor place(::memfd_create("bench", MFD_CLOEXEC));
  return std::make_shared<SharedBus>("/proc/self/fd/" + std::to_string(place.get()));
}

/// The bus.
template <Stores stores, class Listener = Sum, bool shared = false, Waiting waiting = Waiting::park>
class OnBus {
 public:
  explicit OnBus(std::size_t listeners, std::chrono::nanoseconds longest_nap = std::chrono::milliseconds(1))
      : listeners_(listeners),
        bus_({.waiting = waiting,
              .longest_nap = longest_nap,
              .stores = stores,
              .shared = shared ? shared_somewhere() : nullptr}) {
    for (Listener& listener : listeners_)
      bus_.on<BatchEnd>() | subscribe([&listener](const BatchEnd& event) { listener.take(event); });
    producer_ = bus_.producer("bench");
  }
  void publish(const BatchEnd& event) { producer_.publish_at(event.step, event); }
  void flush() { bus_.flush(); }
  std::vector<Listener>& listeners() { return listeners_; }

 private:
  std::vector<Listener> listeners_;
  Bus bus_;
  Producer producer_;
};

}  // namespace sidestep::bench
