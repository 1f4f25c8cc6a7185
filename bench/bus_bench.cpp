// Handing events from one thread to N listeners: the bus beside the queues that one would pick instead.
//   publish/PEER/subscribers:N   saturated; counter ns_per_event: from the first publish until the last listener has seen the last event
//   paced_publish/PEER           one event a microsecond; counters p50_ns, p999_ns of publish (net of the timer), timer_ns,
//                                delay_p50_ns, delay_p999_ns until a listener has it
//   in_situ/PEER                 counter added_ns: what a publish adds to a work item of 0.6 us that stores a lot; item_ns: what it took
//   parked/sidestep              counters idle_cpu_share of one core, delay_p50_ns of an event after silence
//   many_to_many/PEER            four producers, sixteen listeners; counter events_per_second (many_to_many.hpp)
//   pipelines/16                 counter ns_per_event of a dispatcher with sixteen simple pipelines, the events being there
//   paced_publish/sidestep_spinning: its dispatcher never sleeps (busy_spin); counter delay_in_transfers: delay_p50_ns / one_way_ns
//   pipelines/1000               the same with a thousand: counters ns_per_event where all listen to the event's type, ns_of_100 where a
//                                hundred are there and listen, linear: the one by the other, of 10; ns_of_10 where ten are there and
//                                listen, ns_of_10_beside_990 where 990 others listen to another type, others: the one by the other
//   line_transfer                counter one_way_ns: what this machine's cores take for one cache line. The first four have it too, as it was
//                                at the first of them
//   log/...                      log_suite.hpp
// PEER: sidestep (as its user has it by default), sidestep_shared (the same, its rings in shared memory),
// sidestep_plain, sidestep_streaming, moodycamel (one queue, whose reader fans out), moodycamel_queues (one queue a
// listener), readerwriterqueue, tbb, atomic_queue, xenium, mutex.
#include <bus_peers.hpp>
#include <crowd.hpp>
#include <line_transfer.hpp>
#include <log_suite.hpp>
#include <many_to_many.hpp>
#include <suite.hpp>

#include <time.h>

#include <algorithm>

namespace {

using namespace sidestep;
using namespace sidestep::bench;

constexpr std::size_t events = 1 << 19;

double quantile(std::vector<Nanoseconds>& values, double q) {
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return static_cast<double>(*at);
}

template <class Way>
void publish(benchmark::State& state) {
  const auto way = std::make_unique<Way>(static_cast<std::size_t>(state.range(0)));
  Nanoseconds spent = 0;
  for (auto _ : state) {
    const Nanoseconds begin = Clock::steady();
    for (std::size_t i = 0; i < events; ++i) way->publish(BatchEnd{.step = static_cast<Step>(i), .loss = 1.0});
    way->flush();
    spent += Clock::steady() - begin;
  }
  state.counters["ns_per_event"] = static_cast<double>(spent) / static_cast<double>(state.iterations()) / events;
  state.counters["one_way_ns"] = one_way_ns();
}

template <class Way>
void paced_publish(benchmark::State& state) {
  const auto way = std::make_unique<Way>(1);
  const double timer = timer_ns();
  std::vector<Nanoseconds> costs;
  for (auto _ : state) {
    Nanoseconds next = Clock::steady();
    for (int i = 0; i < 20'000; ++i) {
      next += 1000;
      Nanoseconds begin = Clock::steady();
      while (begin < next) begin = Clock::steady();
      way->publish(BatchEnd{.step = begin, .loss = 1.0});
      costs.push_back(Clock::steady() - begin);
    }
    way->flush();
  }
  std::vector<Nanoseconds>& delays = way->listeners().front().all;
  state.counters["p50_ns"] = quantile(costs, 0.5) - timer;
  state.counters["p999_ns"] = quantile(costs, 0.999) - timer;
  state.counters["timer_ns"] = timer;
  state.counters["delay_p50_ns"] = quantile(delays, 0.5);
  state.counters["delay_p999_ns"] = quantile(delays, 0.999);
  state.counters["one_way_ns"] = one_way_ns();
}

/// The delay by itself: nobody sleeps, and the line transfer is measured beside it.
void spinning(benchmark::State& state) {
  const double before = line_transfer_ns();
  paced_publish<OnBus<Stores::automatic, Delays, false, Waiting::busy_spin>>(state);
  const double one_way = std::min(before, line_transfer_ns());
  state.counters["one_way_ns"] = one_way;
  state.counters["delay_in_transfers"] = state.counters["delay_p50_ns"] / one_way;
}

/// Work that stores: what a publish adds to it is what a training loop feels. Items with and without take turns.
class Item {
 public:
  static constexpr double wanted_ns = 600;

  explicit Item(std::size_t stores = calibrated()) : stores_(stores), memory_(stores * 256) {}
  void operator()() noexcept {
    std::uint64_t* const part = memory_.data() + at_;
    at_ = (at_ + stores_) % memory_.size();
    for (std::size_t i = 0; i < stores_; ++i) part[i] = (value_ = value_ * 6364136223846793005 + 1);
    benchmark::ClobberMemory();
  }

 private:
  /// How many stores take `wanted_ns` here: the same for all peers.
  static std::size_t calibrated() {
    static const std::size_t stores = [] {
      constexpr std::size_t some = 400;
      constexpr int items = 1000;
      Item item(some);
      std::vector<Nanoseconds> spent;
      for (int round = 0; round < 25; ++round) {
        const Nanoseconds begin = Clock::steady();
        for (int i = 0; i < items; ++i) item();
        spent.push_back(Clock::steady() - begin);
      }
      // the least: others only make it longer
      return std::max<std::size_t>(1, static_cast<std::size_t>(some * wanted_ns * items / quantile(spent, 0)));
    }();
    return stores;
  }

  std::size_t stores_;  // each behind a multiplication that waits for the one before
  std::vector<std::uint64_t> memory_;
  std::size_t at_ = 0;
  std::uint64_t value_ = 1;
};

template <class Way>
void in_situ(benchmark::State& state) {
  const auto way = std::make_unique<Way>(1);
  constexpr int items = 2000, rounds = 25;
  Item item;
  std::vector<Nanoseconds> with, without;
  Step step = 0;
  for (auto _ : state)
    for (int round = 0; round < rounds; ++round) {
      Nanoseconds begin = Clock::steady();
      for (int i = 0; i < items; ++i) item();
      without.push_back(Clock::steady() - begin);
      begin = Clock::steady();
      // its stamp, too
      for (int i = 0; i < items; ++i) item(), way->publish(BatchEnd{.step = step += 500, .loss = 1.0});
      with.push_back(Clock::steady() - begin);
      way->flush();
    }
  state.counters["item_ns"] = quantile(without, 0.5) / items;
  state.counters["added_ns"] = (quantile(with, 0.5) - quantile(without, 0.5)) / items;
  state.counters["one_way_ns"] = one_way_ns();
}

Nanoseconds process_cpu() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

void parked(benchmark::State& state) {
  OnBus<Stores::automatic, Delays> way(1);
  Nanoseconds cpu = 0, wall = 0;
  for (auto _ : state) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // its nap has grown
    const Nanoseconds cpu_before = process_cpu(), before = Clock::steady();
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    cpu += process_cpu() - cpu_before;
    wall += Clock::steady() - before;
    for (int i = 0; i < 20; ++i) {
      way.publish(BatchEnd{.step = Clock::steady()});
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    way.flush();
  }
  state.counters["idle_cpu_share"] = static_cast<double>(cpu) / static_cast<double>(wall);
  state.counters["delay_p50_ns"] = quantile(way.listeners().front().all, 0.5);
}

void pipelines(benchmark::State& state) {
  Crowd crowd(16, 0);
  Nanoseconds spent = 0;
  for (auto _ : state) spent += crowd.run();
  state.counters["ns_per_event"] = static_cast<double>(spent) / static_cast<double>(state.iterations()) / Crowd::some;
}

void line_transfer(benchmark::State& state) {
  double ns = 0;
  for (auto _ : state) ns = line_transfer_ns();
  state.counters["one_way_ns"] = ns;
}

/// A way with listeners that sum, and the same with listeners that note delays.
template <class Way, class Delayed>
void add(const std::string& peer) {
  benchmark::RegisterBenchmark(("publish/" + peer).c_str(), publish<Way>)
      ->ArgName("subscribers")
      ->Arg(0)
      ->Arg(1)
      ->Arg(4)
      ->Arg(16)
      ->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark(("paced_publish/" + peer).c_str(), paced_publish<Delayed>)
      ->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark(("in_situ/" + peer).c_str(), in_situ<Way>)->Unit(benchmark::kMillisecond);
}

}  // namespace

int main(int argc, char** argv) {
  add<OnBus<Stores::automatic>, OnBus<Stores::automatic, Delays>>("sidestep");
  add<OnBus<Stores::plain>, OnBus<Stores::plain, Delays>>("sidestep_plain");
  add<OnBus<Stores::automatic, Sum, true>, OnBus<Stores::automatic, Delays, true>>("sidestep_shared");
  add<OnBus<Stores::streaming>, OnBus<Stores::streaming, Delays>>("sidestep_streaming");
  add<FanOut<Moodycamel>, FanOut<Moodycamel, Delays>>("moodycamel");
  add<OneEach<Moodycamel>, OneEach<Moodycamel, Delays>>("moodycamel_queues");
  add<FanOut<Tbb>, FanOut<Tbb, Delays>>("tbb");
#ifdef SIDESTEP_BENCH_READERWRITERQUEUE
  add<FanOut<ReaderWriter>, FanOut<ReaderWriter, Delays>>("readerwriterqueue");
#endif
#ifdef SIDESTEP_BENCH_ATOMIC_QUEUE
  add<FanOut<AtomicQueue<>>, FanOut<AtomicQueue<>, Delays>>("atomic_queue");
#endif
#ifdef SIDESTEP_BENCH_XENIUM
  add<FanOut<Xenium<>>, FanOut<Xenium<>, Delays>>("xenium");
#endif
  add<FanOut<Mutex>, FanOut<Mutex, Delays>>("mutex");
  benchmark::RegisterBenchmark("paced_publish/sidestep_spinning", spinning)->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("parked/sidestep", parked)->Unit(benchmark::kMillisecond);
  add_many_to_many();
  benchmark::RegisterBenchmark("pipelines/16", pipelines)->Unit(benchmark::kMicrosecond);
  benchmark::RegisterBenchmark("pipelines/1000", thousand_pipelines)->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("line_transfer", line_transfer)->Unit(benchmark::kMillisecond);
  log_suite::add();
  return run(argc, argv, interleaved);
}
