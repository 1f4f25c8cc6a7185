// Training steps on a GPU: how long one takes, how near to the device's peaks that is, what telemetry costs, and what
// the host spends on it. SIDESTEP_GPU_BACKEND=cuda-emulated runs the same on the CPU: to see that it runs, not how
// fast.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <sidestep/kernels/cuda_backend.hpp>

#include "step_cost.hpp"

namespace {

using namespace sidestep::kernels;
using Clock = std::chrono::steady_clock;

const std::string& backend() {
  static const std::string name = [] {
    const char* said = std::getenv("SIDESTEP_GPU_BACKEND");
    return std::string(said && *said ? said : "cuda");
  }();
  return name;
}
bool emulated() { return backend() != "cuda"; }

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

struct Named {
  const char* name;
  NetworkSpec spec;
};

// As `sidestep train --model` has them, for 28 x 28 bytes.
const Named lenet{"lenet", {{1, 28, 28}, {Convolution{16}, Convolution{32}, Dense{128}, Dense{10, false}}}};
const Named resnet8{"resnet8",
                    {{1, 28, 28},
                     {NormalisedConvolution{16}, Residual{16}, Residual{32, 2}, Residual{64, 2}, GlobalAveragePool{},
                      Dense{10, false}}}};

/// Fashion-MNIST's size, noise that a label shows through.
struct Noise {
  std::vector<std::uint8_t> pixels, labels;
  DatasetView view;

  Noise() : pixels(count() * 784), labels(count()) {
    std::mt19937 generator(1);
    for (std::size_t i = 0; i < labels.size(); ++i) {
      labels[i] = static_cast<std::uint8_t>(generator() % 10);
      for (std::size_t j = 0; j < 784; ++j)
        pixels[i * 784 + j] = static_cast<std::uint8_t>(generator() % 160 + (j / 28 % 10 == labels[i] ? 90 : 0));
    }
    view = {pixels.data(), labels.data(), labels.size(), 0.286f, 0.353f};
  }
  static std::size_t count() { return emulated() ? 2'048 : 55'000; }
};

const Noise& noise() {
  static const Noise data;
  return data;
}

/// A session under way: the host is `ahead` steps before the record that it takes, as the trainer is under lag:2.
class Training {
 public:
  static constexpr std::size_t ahead = 2;

  Training(const NetworkSpec& spec, std::size_t batch, CudaOptions options = {})
      : batch_(batch), order_(noise().labels.size()), session_(make_cuda_session(spec, here(std::move(options)))) {
    std::iota(order_.begin(), order_.end(), 0u);
    std::shuffle(order_.begin(), order_.end(), std::mt19937(1));
    data_ = session_->attach(noise().view);
    for (std::size_t i = 0; i < ahead; ++i) submit();
    for (int i = 0; i < (emulated() ? 1 : 50); ++i) step();  // captured, clocks up
  }
  static CudaOptions here(CudaOptions options) {
    options.name = backend();
    options.run_ahead = ahead;
    return options;
  }

  void submit() {
    const std::size_t batches = order_.size() / batch_;
    const std::size_t at = submitted_ % batches * batch_;
    ++submitted_;
    session_->submit(data_, std::span<const std::uint32_t>(order_).subspan(at, batch_),
                     {.learning_rate = 1e-3, .step = submitted_});
  }
  void drain() {
    while (session_->in_flight() > 0) take();
  }
  bool poll() { return session_->poll(record_); }
  /// Polls, as the trainer does at a boundary; wait() notices when the device has failed.
  void take() {
    for (int i = 0; i < 100'000; ++i)
      if (poll()) return;
    record_ = session_->wait();
  }
  void step() {
    submit();
    take();
  }
  /// Seconds a step, over so many: from rest to rest, so that nothing of it falls into anybody else's time.
  double time(int steps) {
    drain();
    const auto start = Clock::now();
    for (int i = 0; i < steps; ++i) {
      submit();
      if (session_->in_flight() > ahead) take();
    }
    drain();
    return seconds_since(start) / steps;
  }

  const StepRecord& record() const { return record_; }
  std::string name() const { return session_->description(); }

 private:
  std::size_t batch_;
  std::vector<std::uint32_t> order_;
  std::unique_ptr<Session> session_;
  DataId data_{};
  StepRecord record_;
  std::uint64_t submitted_ = 0;
};

void share(benchmark::State& state, const char* name, double of, double peak) {
  if (peak > 0 && !emulated()) state.counters[name] = 100 * of / peak;
}

/// One step, in the steady state. device_us: by the device's own timer, from end to end of a step.
void steps(benchmark::State& state, const Named& model, bool tf32) {
  const auto batch = static_cast<std::size_t>(state.range(0));
  Training training(model.spec, batch, {.tf32 = tf32});
  const auto begun = training.record();
  const auto start = Clock::now();
  for (auto _ : state) training.step();
  const double seconds = seconds_since(start) / static_cast<double>(state.iterations());
  const auto ended = training.record();

  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["device_us"] =
      1e-3 * static_cast<double>(ended.device_ns - begun.device_ns) / static_cast<double>(ended.step - begun.step);
  const auto cost = sidestep::bench::step_cost(model.spec, batch, AdamW{});
  const auto peaks = sidestep::bench::peaks(cuda_status(backend()));
  state.counters["gflop"] = 1e-9 * cost.flops;
  state.counters["mbytes"] = 1e-6 * cost.bytes;
  share(state, "flops_percent", cost.flops / seconds, tf32 ? peaks.tf32 : peaks.fp32);
  share(state, "bandwidth_percent", cost.bytes / seconds, peaks.bandwidth);
  if (!std::isfinite(ended.loss)) state.SkipWithError("the loss is not finite");
  state.SetLabel(training.name());
}

/// The same step with telemetry and without, in short turns, each pair in the other order than the last. The figure is
/// the median of the pairs' ratios; its interval of 95% by order statistics, which asks nothing of the noise's kind.
/// With a limit to clip to, which no gradient reaches, the norm is needed anyway, and what is left is the record's
/// cost.
void telemetry(benchmark::State& state, const Named& model, double clip_norm) {
  const auto batch = static_cast<std::size_t>(state.range(0));
  Training with(model.spec, batch, {.clip_norm = clip_norm});
  Training without(model.spec, batch, {.clip_norm = clip_norm, .telemetry = false});
  const int turn = emulated() ? 1 : std::max(20, static_cast<int>(0.02 / with.time(50)));
  std::vector<double> percents, ons, offs;
  for (auto _ : state) {
    double on = 0, off = 0;
    if (percents.size() % 2 == 0) {
      on = with.time(turn);
      off = without.time(turn);
    } else {
      off = without.time(turn);
      on = with.time(turn);
    }
    ons.push_back(on), offs.push_back(off);
    percents.push_back(100 * (on / off - 1));
  }
  std::sort(percents.begin(), percents.end());
  const auto n = static_cast<double>(percents.size());
  // ranks of a binomial(n, 1/2)'s 2.5% and 97.5%, by its normal approximation
  const double reach = 1.96 * std::sqrt(n) / 2;
  const auto rank = [&](double at) { return percents[static_cast<std::size_t>(std::clamp(at, 0.0, n - 1))]; };
  state.counters["cost_percent"] = median(percents);
  state.counters["low_percent"] = rank(std::floor(n / 2 - reach));
  state.counters["high_percent"] = rank(std::ceil(n / 2 + reach));
  state.counters["on_us"] = 1e6 * median(ons);
  state.counters["off_us"] = 1e6 * median(offs);
  state.SetLabel(with.name());
}

/// What the host's thread spends on a step: submit, a poll that finds nothing yet, and one that finds the record. The
/// device is at rest before each submit. Medians of single calls, net of the clock's own time.
void host(benchmark::State& state, const Named& model) {
  Training training(model.spec, static_cast<std::size_t>(state.range(0)));
  training.drain();
  const auto time_of = [](auto&& call) {
    const auto start = Clock::now();
    call();
    return 1e9 * seconds_since(start);
  };
  // so that the record has come, and the device is at rest
  const std::chrono::duration<double> four_steps(4 * training.time(emulated() ? 1 : 10));
  const auto rest =
      std::max<Clock::duration>(std::chrono::milliseconds(1), std::chrono::duration_cast<Clock::duration>(four_steps));
  std::vector<double> clocks, submits, misses, hits;
  for (int i = 0; i < 101; ++i) clocks.push_back(time_of([] {}));
  for (auto _ : state) {
    bool found = false;
    submits.push_back(time_of([&] { training.submit(); }));
    const double first = time_of([&] { found = training.poll(); });
    if (!found) misses.push_back(first);
    const auto due = Clock::now() + rest;
    while (Clock::now() < due) {
    }
    if (found) continue;
    const double second = time_of([&] { found = training.poll(); });
    if (found) hits.push_back(second);
    training.drain();
  }
  const auto figure = [&](const char* name, const std::vector<double>& values) {
    if (!values.empty()) state.counters[name] = std::max(0.0, median(values) - median(clocks));
  };
  figure("submit_ns", submits);
  figure("poll_hit_ns", hits);
  figure("poll_miss_ns", misses);
  state.SetLabel(training.name());
}

/// A device that fails ends this benchmark with its sentence, not the program.
template <class F>
auto guarded(F f) {
  return [f](benchmark::State& state) {
    try {
      f(state);
    } catch (const std::exception& error) {
      state.SkipWithError(error.what());
    }
  };
}

void add_benchmarks() {
  using benchmark::RegisterBenchmark;
  for (const bool tf32 : {false, true})
    for (const Named* model : {&lenet, &resnet8}) {
      const std::string name = std::string("step/") + model->name + (tf32 ? "/tf32" : "/fp32");
      auto* added = RegisterBenchmark(name.c_str(), guarded([=](auto& state) { steps(state, *model, tf32); }));
      for (const int batch : {64, 128, 1024})
        if (batch == 64 || !emulated()) added->Arg(batch);
      added->ArgName("batch")->Unit(benchmark::kMicrosecond)->UseRealTime();
      if (emulated()) added->Iterations(2);
    }
  const auto add = [](const std::string& name, int iterations, auto run) {
    RegisterBenchmark(name.c_str(), guarded(run))
        ->ArgName("batch")
        ->Arg(128)
        ->Iterations(emulated() ? 3 : iterations)
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
  };
  for (const Named* model : {&lenet, &resnet8}) {
    add(std::string("telemetry/") + model->name, 101, [=](auto& state) { telemetry(state, *model, 0); });
    add(std::string("record/") + model->name, 101, [=](auto& state) { telemetry(state, *model, 1e30); });
    add(std::string("host/") + model->name, 1001, [=](auto& state) { host(state, *model); });
  }
}

}  // namespace

int main(int argc, char** argv) {
  const CudaStatus device = cuda_status(backend());
  if (!device.ready()) {
    std::printf("bench gpu: nothing was measured: %s\n", device.sentence.c_str());
    return 0;
  }
  add_benchmarks();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const auto peaks = sidestep::bench::peaks(device);
  benchmark::AddCustomContext("backend", backend());
  benchmark::AddCustomContext("device", device.sentence);
  if (emulated()) {
    std::fprintf(stderr, "bench gpu: emulated on the CPU; these times say nothing of a GPU\n");
  } else {
    benchmark::AddCustomContext("peak_fp32_tflops", std::to_string(1e-12 * peaks.fp32));
    benchmark::AddCustomContext("peak_tf32_tflops", std::to_string(1e-12 * peaks.tf32));
    benchmark::AddCustomContext("peak_gbytes_per_second", std::to_string(1e-9 * peaks.bandwidth));
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
