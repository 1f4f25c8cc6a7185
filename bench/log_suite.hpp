#pragma once

/// A log of events, all on one core: recorded as a bus' user has it, replayed into a bus, verified.
///   log/record   counter events_per_second: from the first publish until all is written, publisher, dispatcher and writer together
///   log/replay   the same: from the file, which the system has in memory, through a bus to a listener
///   log/verify   the same: every block's checksums and every record
///                each with events_per_cpu_second too, by the CPU time of all threads: what a machine gives whose neighbours are busy
///   log/memory   counter gigabytes_per_second: what a copy of as many bytes costs here, which bounds them all

#include <sidestep/operators.hpp>

#include <benchmark/benchmark.h>

#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <stdexcept>

namespace sidestep::bench::log_suite {

constexpr std::int64_t events = 1 << 21;

/// This thread, and all that it makes, on one core; where it was before afterwards.
class OneCore {
 public:
  OneCore() {
    sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
  }
  ~OneCore() { sched_setaffinity(0, sizeof before_, &before_); }

 private:
  cpu_set_t before_;
};

class File {
 public:
  File() {
    std::string name = (std::filesystem::temp_directory_path() / "sidestep-bench-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder for a log");
    folder_ = name;
  }
  ~File() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  std::filesystem::path path() const { return folder_ / "events.log"; }

 private:
  std::filesystem::path folder_;
};

/// What a step of training publishes, once for all steps.
inline void publish_all(Producer& producer) {
  const Name loss = intern("batch/loss"), accuracy = intern("batch/accuracy");
  for (std::int64_t i = 0; i < events; i += 4) {
    const Step step = i / 4 + 1;
    producer.publish_at(1000 * i, BatchBegin{.step = step});
    producer.publish_at(1000 * i + 1, Metric{.step = step, .value = 0.5, .metric = loss});
    producer.publish_at(1000 * i + 1, Metric{.step = step, .value = 0.25, .metric = accuracy});
    producer.publish_at(1000 * i + 2, BatchEnd{.step = step, .loss = 0.5});
  }
}

/// By the wall clock, and by the CPU time of this process' threads.
struct Spent {
  Nanoseconds wall = 0;
  std::clock_t cpu = 0;

  template <class Work>
  void on(Work&& work) {
    const Nanoseconds begin = Clock::steady();
    const std::clock_t cpu_begin = std::clock();
    work();
    cpu += std::clock() - cpu_begin;
    wall += Clock::steady() - begin;
  }
};

inline Spent record_once(const File& file, Spent spent = {}) {
  std::filesystem::remove(file.path());
  Bus bus;
  const Recording recording = bus.record(file.path());
  Producer producer = bus.producer("trainer", Stream::trainer);
  spent.on([&] {
    publish_all(producer);
    bus.flush();
  });
  if (recording.events() != events) throw std::runtime_error(recording.error());
  return spent;
}

inline void report(benchmark::State& state, const Spent& spent) {
  const double all = static_cast<double>(events) * static_cast<double>(state.iterations());
  state.counters["events_per_second"] = 1e9 * all / static_cast<double>(spent.wall);
  state.counters["events_per_cpu_second"] = all * CLOCKS_PER_SEC / static_cast<double>(spent.cpu);
}

inline void record(benchmark::State& state) {
  const OneCore here;
  const File file;
  Spent spent;
  for (auto _ : state) spent = record_once(file, spent);
  report(state, spent);
  state.counters["bytes_per_event"] = static_cast<double>(std::filesystem::file_size(file.path())) / events;
}

inline void replay_all(benchmark::State& state) {
  const File file;
  record_once(file);
  const OneCore here;
  Spent spent;
  for (auto _ : state) {
    Bus bus({.ring_capacity = 1024, .thread = false});
    double sum = 0;
    bus.on<BatchEnd>() | subscribe([&sum](const BatchEnd& event) { sum += event.loss; });
    std::uint64_t published = 0;
    spent.on([&] { published = replay(file.path(), bus).events; });
    if (published != events) throw std::runtime_error("events are missing");
    if (sum != events / 4 * 0.5) throw std::runtime_error("events are wrong");
  }
  report(state, spent);
}

inline void verify(benchmark::State& state) {
  const File file;
  record_once(file);
  const OneCore here;
  Spent spent;
  for (auto _ : state) {
    std::int64_t count = 0;
    bool damaged = false;
    spent.on([&] {
      LogReader log(file.path());
      log.for_each([&](const LoggedEvent&) { ++count; });
      damaged = !log.damage().empty();
    });
    if (count != events || damaged) throw std::runtime_error("events are missing");
  }
  report(state, spent);
}

inline void memory(benchmark::State& state) {
  std::vector<char> from(std::size_t{64} << 20, 'x'), to(std::size_t{64} << 20);
  Nanoseconds spent = 0;
  for (auto _ : state) {
    const Nanoseconds begin = Clock::steady();
    std::memcpy(to.data(), from.data(), from.size());
    benchmark::ClobberMemory();
    spent += Clock::steady() - begin;
  }
  state.counters["gigabytes_per_second"] =
      static_cast<double>(from.size()) * static_cast<double>(state.iterations()) / static_cast<double>(spent);
}

inline void add() {
  benchmark::RegisterBenchmark("log/record", record)->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("log/replay", replay_all)->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("log/verify", verify)->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("log/memory", memory)->Unit(benchmark::kMillisecond);
}

}  // namespace sidestep::bench::log_suite
