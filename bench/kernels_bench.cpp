// The CPU kernels: each layer of lenet beside oneDNN, and whole steps on one thread and on two, beside a plain sgemm
// loop that scales as well as this machine lets anything scale.

#include <benchmark/benchmark.h>
#include <dnnl.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <sidestep/kernels.hpp>
#include <sidestep/kernels/cpu/hand_layers.hpp>
#include <sidestep/kernels/cpu/onednn.hpp>
#include <sidestep/kernels/cpu/optimizer_step.hpp>

namespace {

using namespace sidestep::kernels;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

const NetworkSpec& lenet() {
  static const NetworkSpec spec{{1, 28, 28}, {Convolution{16}, Convolution{32}, Dense{128}, Dense{10, false}}};
  return spec;
}

/// A lenet that trains on noise that a label shows through, in batches of 128.
class Training {
 public:
  static constexpr std::size_t batch = 128;

  explicit Training(int threads, CpuPath path = CpuPath::automatic, std::size_t count = 4096)
      : samples(count),
        pixels_(samples * 784),
        labels_(samples),
        order_(samples),
        session_(make_cpu_session(lenet(), {.threads = threads, .path = path})) {
    std::mt19937 generator(1);
    for (std::size_t i = 0; i < samples; ++i) {
      labels_[i] = static_cast<std::uint8_t>(generator() % 10);
      for (std::size_t j = 0; j < 784; ++j)
        pixels_[i * 784 + j] = static_cast<std::uint8_t>(generator() % 160 + (j / 28 % 10 == labels_[i] ? 90 : 0));
    }
    std::iota(order_.begin(), order_.end(), 0u);
    std::shuffle(order_.begin(), order_.end(), generator);
    data_ = session_->attach({pixels_.data(), labels_.data(), samples, 0.286f, 0.353f});
  }

  const std::size_t samples;  ///< a multiple of the batch

  void step(bool next_is_known = true) {
    const auto at = step_ * batch % samples;
    ++step_;
    const std::span<const std::uint32_t> order(order_);
    const auto upcoming = next_is_known ? order.subspan(step_ * batch % samples, batch) : order.subspan(0, 0);
    session_->submit(data_, order.subspan(at, batch), {.learning_rate = 1e-3, .step = step_, .upcoming = upcoming});
    benchmark::DoNotOptimize(session_->wait());
  }

  void evaluate() { benchmark::DoNotOptimize(session_->evaluate(data_, 0, samples)); }
  std::string name() const { return session_->description(); }

  /// Steps a second over a stretch of time.
  double rate(double seconds, bool next_is_known = true) {
    std::size_t steps = 0;
    const auto start = Clock::now();
    for (; seconds_since(start) < seconds; ++steps) step(next_is_known);
    return static_cast<double>(steps) / seconds_since(start);
  }

 private:
  std::vector<std::uint8_t> pixels_, labels_;
  std::vector<std::uint32_t> order_;
  std::unique_ptr<Session> session_;
  DataId data_{};
  std::uint64_t step_ = 0;
};

/// Products a second of matrices that stay in the caches, each thread its own.
double sgemm_rate(int threads, double seconds) {
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> total{0};
  const auto work = [&] {
    cpu::single_threaded_onednn();
    constexpr dnnl_dim_t n = 192;
    std::vector<float> a(n * n, 0.5f), b(n * n, 0.25f), c(n * n);
    std::uint64_t count = 0;
    for (; !stop.load(std::memory_order_relaxed); ++count)  // a flag to stop soon; nothing is ordered by it
      dnnl_sgemm('N', 'N', n, n, n, 1.0f, a.data(), n, b.data(), n, 0.0f, c.data(), n);
    total.fetch_add(count, std::memory_order_relaxed);  // read after join, which orders it
  };
  std::vector<std::thread> pool;
  const auto start = Clock::now();
  for (int i = 0; i < threads; ++i) pool.emplace_back(work);
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  stop.store(true, std::memory_order_relaxed);
  for (auto& thread : pool) thread.join();
  return static_cast<double>(total.load(std::memory_order_relaxed)) / seconds_since(start);
}

/// lenet's speed-up from one thread to two beside the sgemm loop's: rounds alternate, medians are compared.
void scaling(benchmark::State& state) {
  Training one(1), two(2);
  std::vector<double> one_rates, two_rates, one_gemm, two_gemm;
  constexpr double stretch = 0.1;  // short and many: a neighbour's burst of load spoils few of them
  one.rate(stretch), two.rate(stretch);
  for (auto _ : state)
    for (int round = 0; round < 21; ++round) {
      one_rates.push_back(one.rate(stretch));
      one_gemm.push_back(sgemm_rate(1, stretch));
      two_rates.push_back(two.rate(stretch));
      two_gemm.push_back(sgemm_rate(2, stretch));
    }
  const double speedup = median(two_rates) / median(one_rates), gemm = median(two_gemm) / median(one_gemm);
  state.counters["speedup"] = speedup;
  state.counters["sgemm_speedup"] = gemm;
  state.counters["ratio"] = speedup / gemm;
  state.counters["samples_per_second_1"] = median(one_rates) * Training::batch;
  state.counters["samples_per_second_2"] = median(two_rates) * Training::batch;
  state.SetLabel(two.name());
}
BENCHMARK(scaling)->Name("lenet/scaling")->Unit(benchmark::kMillisecond);

/// What it is worth that a step knows the next one's samples, and asks for their cache lines while it computes: with as
/// many images as Fashion-MNIST has, rounds alternate.
void next_batch(benchmark::State& state) {
  Training training(2, CpuPath::automatic, 430 * Training::batch);
  std::vector<double> known, unknown;
  training.rate(0.1);
  for (auto _ : state)
    for (int round = 0; round < 21; ++round) {
      known.push_back(training.rate(0.1, true));
      unknown.push_back(training.rate(0.1, false));
    }
  state.counters["known/unknown"] = median(known) / median(unknown);
}
BENCHMARK(next_batch)->Name("lenet/next_batch")->Unit(benchmark::kMillisecond);

void steps(benchmark::State& state, CpuPath path) {
  if (!supported(path)) return state.SkipWithError("this CPU lacks it");
  Training training(static_cast<int>(state.range(0)), path);
  training.step();
  for (auto _ : state) training.step();
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(Training::batch));
  state.SetLabel(training.name());
}
BENCHMARK_CAPTURE(steps, hand, CpuPath::automatic)
    ->Name("lenet/step/hand")
    ->ArgName("threads")
    ->Arg(1)
    ->Arg(2)
    ->UseRealTime();
BENCHMARK_CAPTURE(steps, onednn, CpuPath::portable)
    ->Name("lenet/step/onednn")
    ->ArgName("threads")
    ->Arg(1)
    ->Arg(2)
    ->UseRealTime();

void evaluation(benchmark::State& state) {
  Training training(static_cast<int>(state.range(0)));
  for (auto _ : state) training.evaluate();
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(training.samples));
}
BENCHMARK(evaluation)->Name("lenet/evaluate/hand")->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime();

enum class Part { forward, backward, update };

/// One layer on one thread, a slice of 16 samples (the update: a batch of 128), with values as they are in training.
void layer(benchmark::State& state, std::size_t index, Part part, bool by_hand) {
  using namespace cpu;
  const HandKernels* kernels = supported(CpuPath::avx512) ? &avx512_kernels()
                               : supported(CpuPath::avx2) ? &avx2_kernels()
                                                          : nullptr;
  if (by_hand && !kernels) return state.SkipWithError("this CPU lacks it");
  single_threaded_onednn();
  const std::size_t n = part == Part::update ? 128 : 16;
  const auto shapes = output_shapes(lenet());
  const Shape in = index ? shapes[index - 1] : lenet().input, out = shapes[index];
  std::unique_ptr<Layer> made;
  if (const auto* convolution = std::get_if<Convolution>(&lenet().layers[index]))
    made = by_hand ? make_hand_convolution(*convolution, in, *kernels) : make_onednn_convolution(*convolution, in);
  else
    made = by_hand ? make_hand_dense(std::get<Dense>(lenet().layers[index]), in, *kernels)
                   : make_onednn_dense(std::get<Dense>(lenet().layers[index]), in);
  made->prepare(n, 1);
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  const auto filled = [&](std::size_t floats, float scale) {
    Buffer buffer(floats);
    std::generate_n(buffer.data(), floats, [&] { return scale * normal(generator); });
    return buffer;
  };
  const auto floats = made->parameter_floats();
  Buffer weights = filled(floats, 0.05f), m(floats), v(floats), input = filled(n * row_pitch(in.size()), 1.0f);
  Buffer output(n * row_pitch(out.size())), sent = filled(output.size(), 0.01f), output_gradient(output.size());
  Buffer input_gradient(input.size()), kept(made->kept_floats(n)), scratch(made->scratch_floats(n));
  Buffer gradient(std::max<std::size_t>(1, made->gradient_floats())), update_scratch(made->update_scratch_floats(n));
  if (index)
    std::transform(input.data(), input.data() + input.size(), input.data(), [](float x) { return x > 0 ? x : 0; });
  made->refresh(weights.data());
  Slice slice;
  slice.samples = n;
  slice.input = input.data();
  slice.output = output.data();
  slice.output_gradient = output_gradient.data();
  slice.input_gradient = index ? input_gradient.data() : nullptr;
  slice.kept = kept.data();
  slice.scratch = scratch.data();
  slice.gradient = gradient.data();
  Batch batch;
  batch.samples = n;
  batch.input = input.data();
  batch.output_gradient = output_gradient.data();
  batch.gradients = gradient.data();
  batch.slices = 1;
  batch.scratch = update_scratch.data();
  made->forward(slice, weights.data(), true);
  std::copy_n(sent.data(), sent.size(), output_gradient.data());
  for (auto _ : state) {
    if (part == Part::forward) made->forward(slice, weights.data(), true);
    if (part == Part::backward) made->backward(slice, weights.data());
    if (part == Part::update)
      for (std::size_t task = 0; task < made->update_tasks(); ++task)
        made->update(task, batch, update_numbers(AdamW{}, 1e-3, 100), {weights.data(), m.data(), v.data()});
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(n));
}

void register_layers() {
  constexpr const char* names[] = {"conv1", "conv2", "dense1", "dense2"};
  constexpr const char* parts[] = {"forward", "backward", "update"};
  for (std::size_t index = 0; index < 4; ++index)
    for (const auto part : {Part::forward, Part::backward, Part::update})
      for (const bool by_hand : {true, false}) {
        const auto name = std::string("layer/") + names[index] + "/" + parts[static_cast<int>(part)] +
                          (by_hand ? "/hand" : "/onednn");
        benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
          layer(state, index, part, by_hand);
        })->Unit(benchmark::kMicrosecond);
      }
}

}  // namespace

int main(int argc, char** argv) {
  register_layers();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
