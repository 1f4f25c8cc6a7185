// What the default callbacks cost an epoch: lenet on Fashion-MNIST, with and without them, in one process, alternating.
// And what recording every event costs beside them: with both, and with the callbacks alone.
//
// Of each run of two epochs the second one counts: in it the first epoch's checkpoint is written. The ratio is the
// median over pairs; its interval holds with 95% and assumes nothing of the distribution (order statistics).
// SIDESTEP_BENCH_PAIRS=n takes n pairs instead of 15.
#include <benchmark/benchmark.h>

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <sidestep/trainer/all.hpp>

#include <suite.hpp>

namespace {

using namespace sidestep;
namespace fs = std::filesystem;

double process_cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

/// The threads that this process has now.
std::set<std::string> threads() {
  std::set<std::string> ids;
  for (const auto& entry : fs::directory_iterator("/proc/self/task")) ids.insert(entry.path().filename().string());
  return ids;
}

double cpu_seconds(const std::set<std::string>& ids) {
  double sum = 0;
  for (const std::string& id : ids) {
    double nanoseconds = 0;
    std::ifstream("/proc/self/task/" + id + "/schedstat") >> nanoseconds;
    sum += nanoseconds / 1e9;
  }
  return sum;
}

/// The default callbacks, the progress lines written to nowhere.
std::vector<Callback> callbacks() {
  std::vector<Callback> all;
  for (const Spec& spec : default_callbacks())
    all.push_back(spec.name != "progress" ? make_callback(spec) : progress({.write = [](std::string_view text) {
      static std::FILE* const nowhere = std::fopen("/dev/null", "w");
      if (nowhere != nullptr) std::fwrite(text.data(), 1, text.size(), nowhere), std::fflush(nowhere);
    }}));
  return all;
}

struct Measured {
  std::vector<double> on, off, ratios;  ///< seconds of an epoch; on / off of each pair
  double log_bytes = 0;                 ///< of the last recorded run
  double other_cpu = 0, training_cpu = 0, other_cpu_off = 0, training_cpu_off = 0;
  double accuracy = 0;
};

/// The middle of sorted values, and an interval that holds the distribution's median with at least 95%.
struct Median {
  double value = 0, low = 0, high = 0;
};
Median median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t n = values.size();
  // the largest k with P(fewer than k of n coins show heads) <= 2.5%
  double probability = 1;
  for (std::size_t i = 0; i < n; ++i) probability /= 2;
  std::size_t k = 0;
  double below = 0;
  for (; k < n / 2 && below + probability <= 0.025; ++k) {
    below += probability;
    probability *= static_cast<double>(n - k) / static_cast<double>(k + 1);
  }
  const std::size_t low = k == 0 ? 0 : k - 1;
  return {(values[(n - 1) / 2] + values[n / 2]) / 2, values[low], values[n - 1 - low]};
}

Measured measure(bool recording) {
  const char* const asked = std::getenv("SIDESTEP_BENCH_PAIRS");
  const int pairs = asked != nullptr ? std::max(1, std::atoi(asked)) : 15;
  const fs::path folder = fs::temp_directory_path() / ("sidestep-bench-" + std::to_string(::getpid()));
  Trainer trainer{lenet(), fashion_mnist(), {.epochs = 2}};
  const auto plain = [&] {
    Bus bus;
    Control control;
    return trainer.fit(bus, control, {}).epochs.back().seconds;
  };
  plain();  // warm: memory, kernels, the threads that train
  const std::set<std::string> training = threads();
  Measured measured;
  const auto with = [&](bool recorded, double& other_cpu, double& training_cpu) {
    fs::create_directories(folder);
    const double process = process_cpu_seconds(), here = cpu_seconds(training);
    double seconds = 0;
    {
      Bus bus;
      Control control;
      if (recorded) bus.record(folder / "events.log");
      const TrainingReport report = trainer.fit(bus, control, callbacks(), {.out = folder});
      bus.close();
      if (recorded) measured.log_bytes = static_cast<double>(fs::file_size(folder / "events.log"));
      seconds = report.epochs.back().seconds;
      measured.accuracy = report.test->accuracy;
    }
    const double trained = cpu_seconds(training) - here;
    training_cpu += trained;
    other_cpu += process_cpu_seconds() - process - trained;
    fs::remove_all(folder);
    return seconds;
  };
  const auto on_side = [&] { return with(recording, measured.other_cpu, measured.training_cpu); };
  const auto off_side = [&] {
    return recording ? with(false, measured.other_cpu_off, measured.training_cpu_off) : plain();
  };
  for (int pair = 0; pair < pairs; ++pair) {
    // who goes first takes turns
    double on = 0, off = 0;
    if (pair % 2 == 0)
      on = on_side(), off = off_side();
    else
      off = off_side(), on = on_side();
    measured.on.push_back(on);
    measured.off.push_back(off);
    measured.ratios.push_back(on / off);
  }
  return measured;
}

const Measured& measured() {
  static const Measured once = measure(false);
  return once;
}

void epoch_callbacks_on(benchmark::State& state) {
  for (auto _ : state) state.counters["seconds"] = median(measured().on).value;
  const Median ratio = median(measured().ratios);
  state.counters["on/off"] = ratio.value;
  state.counters["low95"] = ratio.low;
  state.counters["high95"] = ratio.high;
  state.counters["other_cpu/training_cpu"] = measured().other_cpu / measured().training_cpu;
  state.counters["pairs"] = static_cast<double>(measured().ratios.size());
}
void epoch_callbacks_off(benchmark::State& state) {
  for (auto _ : state) state.counters["seconds"] = median(measured().off).value;
}

void epoch_recorded(benchmark::State& state) {
  static const Measured once = measure(true);
  for (auto _ : state) state.counters["seconds"] = median(once.on).value;
  const Median ratio = median(once.ratios);
  state.counters["recorded/not"] = ratio.value;
  state.counters["low95"] = ratio.low;
  state.counters["high95"] = ratio.high;
  state.counters["added_cpu/training_cpu"] =
      once.other_cpu / once.training_cpu - once.other_cpu_off / once.training_cpu_off;
  state.counters["log_bytes"] = once.log_bytes;
}

BENCHMARK(epoch_callbacks_on)->Name("epoch/callbacks_on")->Unit(benchmark::kMillisecond);
BENCHMARK(epoch_callbacks_off)->Name("epoch/callbacks_off")->Unit(benchmark::kMillisecond);
BENCHMARK(epoch_recorded)->Name("epoch/recorded")->Unit(benchmark::kMillisecond);

}  // namespace

int main(int argc, char** argv) { return sidestep::bench::run(argc, argv, {sidestep::bench::once}); }
