// Handing events from one thread to N listeners: the bus beside the queues that one would pick instead.
//   publish/PEER/subscribers:N   saturated; counter ns_per_event: from the first publish until the last listener has seen the last event
//   paced_publish/PEER           one event a microsecond; counters p50_ns, p999_ns (net of the timer), timer_ns
//   line_transfer                counter one_way_ns: what this machine's cores take for one cache line
#include <sidestep/operators.hpp>

#include <line_transfer.hpp>
#include <suite.hpp>

#include <benchmark/benchmark.h>
#include <concurrentqueue/concurrentqueue.h>
#include <tbb/concurrent_queue.h>
#ifdef SIDESTEP_BENCH_READERWRITERQUEUE
#include <readerwriterqueue/readerwriterqueue.h>
#endif

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace {

using namespace sidestep;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t events = 1 << 19, batch = 64;
constexpr std::size_t bound = 16384;  // events that may be under way: the bus' default ring

double nanoseconds(SteadyClock::duration d) { return std::chrono::duration<double, std::nano>(d).count(); }

/// What each listener does: the smallest thing that isn't nothing (a sum of losses would measure the latency of an addition).
struct alignas(64) Listener { std::int64_t sum = 0; };

/// A queue with one reader that hands each batch to all listeners, as its user would write it (without std::function, at its best).
template <class Queue>
class FanOut {
 public:
  explicit FanOut(int listeners) : listeners_(static_cast<std::size_t>(listeners)), reader_([this] { read(); }) {}
  ~FanOut() {
    done_.store(true, std::memory_order_release);  // pairs with the acquire in read()
    reader_.join();
  }
  void publish(const BatchEnd& event) {
    // A queue that may grow without bound would measure the allocator: as much may be under way as in a ring.
    if (sent_ - seen_ >= bound)
      while (sent_ - (seen_ = read_.load(std::memory_order_acquire)) >= bound) std::this_thread::yield();  // pairs with read()
    queue_.put(event);
    ++sent_;
  }
  void flush() {
    while (read_.load(std::memory_order_acquire) != sent_) std::this_thread::yield();  // pairs with read()
  }

 private:
  void read() {
    std::vector<BatchEnd> taken(batch);
    while (!done_.load(std::memory_order_acquire)) {
      const std::size_t count = queue_.take(taken.data(), batch);
      if (count == 0) {
        std::this_thread::yield();
        continue;
      }
      for (Listener& listener : listeners_)
        for (std::size_t i = 0; i < count; ++i) listener.sum += taken[i].step;
      // release: pairs with the acquires above
      read_.store(read_.load(std::memory_order_relaxed) + count, std::memory_order_release);
    }
    benchmark::DoNotOptimize(listeners_.data());
  }
  Queue queue_;
  std::vector<Listener> listeners_;
  std::size_t sent_ = 0, seen_ = 0;
  alignas(128) std::atomic<std::size_t> read_{0};
  std::atomic<bool> done_{false};
  std::thread reader_;
};

struct Moodycamel {
  moodycamel::ConcurrentQueue<BatchEnd> queue{bound * 2};
  moodycamel::ProducerToken in{queue};
  moodycamel::ConsumerToken out{queue};
  void put(const BatchEnd& event) { queue.enqueue(in, event); }
  std::size_t take(BatchEnd* to, std::size_t most) { return queue.try_dequeue_bulk(out, to, most); }
};

struct Tbb {
  tbb::concurrent_queue<BatchEnd> queue;
  void put(const BatchEnd& event) { queue.push(event); }
  std::size_t take(BatchEnd* to, std::size_t most) {
    std::size_t count = 0;
    while (count < most && queue.try_pop(to[count])) ++count;
    return count;
  }
};

#ifdef SIDESTEP_BENCH_READERWRITERQUEUE
struct ReaderWriter {
  moodycamel::ReaderWriterQueue<BatchEnd> queue{bound};
  void put(const BatchEnd& event) { queue.enqueue(event); }
  std::size_t take(BatchEnd* to, std::size_t most) {
    std::size_t count = 0;
    while (count < most && queue.try_dequeue(to[count])) ++count;
    return count;
  }
};
#endif

struct Mutex {
  std::mutex mutex;
  std::deque<BatchEnd> queue;
  void put(const BatchEnd& event) {
    const std::lock_guard lock(mutex);
    queue.push_back(event);
  }
  std::size_t take(BatchEnd* to, std::size_t most) {
    const std::lock_guard lock(mutex);
    const std::size_t count = std::min(most, queue.size());
    std::copy_n(queue.begin(), count, to);
    queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(count));
    return count;
  }
};

/// The bus.
template <Stores stores>
class OnBus {
 public:
  explicit OnBus(int listeners) : listeners_(static_cast<std::size_t>(listeners)), bus_({.stores = stores}) {
    for (Listener& listener : listeners_)
      bus_.on<BatchEnd>() | subscribe([&listener](const BatchEnd& event) { listener.sum += event.step; });
    producer_ = bus_.producer("bench");
  }
  void publish(const BatchEnd& event) { producer_.publish_at(event.step, event); }
  void flush() { bus_.flush(); }

 private:
  std::vector<Listener> listeners_;
  Bus bus_;
  Producer producer_;
};

template <class Way>
void publish(benchmark::State& state) {
  const auto way = std::make_unique<Way>(static_cast<int>(state.range(0)));
  double spent = 0;
  for (auto _ : state) {
    const auto begin = SteadyClock::now();
    for (std::size_t i = 0; i < events; ++i) way->publish(BatchEnd{.step = static_cast<Step>(i), .loss = 1.0});
    way->flush();
    spent += nanoseconds(SteadyClock::now() - begin);
  }
  state.counters["ns_per_event"] = spent / static_cast<double>(state.iterations()) / events;
}

template <class Way>
void paced_publish(benchmark::State& state) {
  const auto way = std::make_unique<Way>(1);
  const double timer = bench::timer_ns();
  std::vector<double> costs;
  for (auto _ : state) {
    auto next = SteadyClock::now();
    for (int i = 0; i < 20'000; ++i) {
      next += std::chrono::microseconds(1);
      auto begin = SteadyClock::now();
      while (begin < next) begin = SteadyClock::now();
      way->publish(BatchEnd{.step = begin.time_since_epoch().count(), .loss = 1.0});
      costs.push_back(nanoseconds(SteadyClock::now() - begin) - timer);
    }
    way->flush();
  }
  std::sort(costs.begin(), costs.end());
  state.counters["p50_ns"] = costs[costs.size() / 2];
  state.counters["p999_ns"] = costs[costs.size() * 999 / 1000];
  state.counters["timer_ns"] = timer;
}

void line_transfer(benchmark::State& state) {
  double ns = 0;
  for (auto _ : state) ns = bench::line_transfer_ns();
  state.counters["one_way_ns"] = ns;
}

template <class Way>
void add(const std::string& peer) {
  benchmark::RegisterBenchmark(("publish/" + peer).c_str(), publish<Way>)
      ->ArgName("subscribers")->Arg(0)->Arg(1)->Arg(4)->Arg(16)->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark(("paced_publish/" + peer).c_str(), paced_publish<Way>)->Unit(benchmark::kMillisecond);
}

}  // namespace

int main(int argc, char** argv) {
  add<OnBus<Stores::automatic>>("sidestep");  // as its user has it by default
  add<OnBus<Stores::plain>>("sidestep_plain");
  add<OnBus<Stores::streaming>>("sidestep_streaming");
  add<FanOut<Moodycamel>>("moodycamel");
  add<FanOut<Tbb>>("tbb");
#ifdef SIDESTEP_BENCH_READERWRITERQUEUE
  add<FanOut<ReaderWriter>>("readerwriterqueue");
#endif
  add<FanOut<Mutex>>("mutex");
  benchmark::RegisterBenchmark("line_transfer", line_transfer);
  return bench::run(argc, argv, bench::interleaved);
}
