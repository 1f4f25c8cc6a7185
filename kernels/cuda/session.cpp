#include <sidestep/kernels/cuda/session.hpp>

#include <fmt/format.h>

#include <map>
#include <set>
#include <type_traits>
#include <vector>
#include <cuda/atomic>

#include <sidestep/kernels/cpu/samples.hpp>
#include <sidestep/kernels/cuda/await.hpp>
#include <sidestep/kernels/cuda/device.hpp>
#include <sidestep/kernels/cuda/error.hpp>
#include <sidestep/kernels/cuda/gradient_norm.hpp>
#include <sidestep/kernels/cuda/home.hpp>
#include <sidestep/kernels/cuda/parameters.hpp>
#include <sidestep/kernels/cuda/plan.hpp>
#include <sidestep/kernels/cuda/planted.hpp>
#include <sidestep/kernels/cuda/range.hpp>
#include <sidestep/kernels/cuda/step_graph.hpp>
#include <sidestep/kernels/cuda/step_ring.hpp>

namespace sidestep::kernels::cuda {
namespace {

std::shared_ptr<Home> make_home() {
  SIDESTEP_CHECK(cudaSetDevice(the_device));
  return std::make_shared<Home>(the_device);
}

Cudnn make_cudnn(cudaStream_t stream) {
  cudnnHandle_t made{};
  SIDESTEP_CHECK(cudnnCreate(&made));
  Cudnn handle(made);
  SIDESTEP_CHECK(cudnnSetStream(made, stream));
  return handle;
}

CublasLt make_cublaslt() {
  cublasLtHandle_t made{};
  SIDESTEP_CHECK(cublasLtCreate(&made));
  return CublasLt(made);
}

/// A data set's bytes on the device.
struct Data {
  std::size_t count;
  DeviceBuffer<std::uint8_t> images, labels;
  DeviceImages view;
};

class CudaSession final : public Session {
 public:
  CudaSession(const NetworkSpec& spec, const CudaOptions& options, const CudaStatus& device)
      : spec_(spec),
        options_(options),
        description_(fmt::format("{} {}, compute {}.{}", options.name, device.device, device.compute_major,
                                 device.compute_minor)),
        classes_(kernels::classes(spec)),
        smallest_(smallest_batch(spec)),
        algorithms_(options.algorithms),
        home_(make_home()),
        cudnn_(make_cudnn(home_->stream)),
        blas_(make_cublaslt()),
        context_{
            .stream = home_->stream, .cudnn = cudnn_, .blas = blas_, .tf32 = options.tf32, .algorithms = &algorithms_},
        parameters_(spec, options.optimizer, home_),
        bench_(home_->pool, home_->stream),
        step_(home_->pool, 1, home_->stream),
        squares_(home_->pool, square_parts(parameters_.arrays().count), home_->stream),
        evaluation_sums_(home_->pool, 1, home_->stream),
        evaluation_(1) {
    // Its heuristic may answer otherwise in another version, which a resumed run is told.
    algorithms_.keep("cublaslt", static_cast<int>(cublasLtGetVersion()));
    SIDESTEP_CHECK(cudaMemsetAsync(step_.data(), 0, step_.bytes(), home_->stream));
    initialise(options.seed);
  }

  ~CudaSession() override {
    // What is under way writes into this session's pinned memory.
    static_cast<void>(cudaStreamSynchronize(home_->stream));
  }

  const NetworkSpec& network() const override { return spec_; }
  std::string description() const override { return description_; }
  const Algorithms& chosen() const { return algorithms_; }

  DataId attach(const DatasetView& data) override;
  void prepare(DataId id, std::size_t samples) override;
  void submit(DataId id, std::span<const std::uint32_t> indices, const StepInput& input) override;

  bool poll(StepRecord& record) override {
    if (taken_ < received_.size()) {
      record = received_[taken_++];
      return true;
    }
    return ring_.arrived(record);
  }
  StepRecord wait() override {
    if (in_flight() == 0) throw Error("no training step is under way; submit one before waiting for its record");
    StepRecord record;
    if (!poll(record)) await_record(record);
    return record;
  }
  std::size_t in_flight() const override { return received_.size() - taken_ + ring_.under_way(); }

  Evaluation evaluate(DataId id, std::size_t first, std::size_t count) override;

  const std::vector<TensorInfo>& tensors() const override { return parameters_.tensors(); }
  void read(std::size_t tensor, std::span<float> values) const override {
    guarded([&] { parameters_.read(tensor, values); });
  }
  void write(std::size_t tensor, std::span<const float> values) override {
    guarded([&] { parameters_.write(tensor, values); });
  }
  void initialise(std::uint64_t seed) override {
    guarded([&] { parameters_.initialise(seed); });
  }
  std::unique_ptr<Snapshot> snapshot(Contents contents, std::unique_ptr<Snapshot> reuse) override {
    const Range range("snapshot");
    return guarded([&] { return parameters_.snapshot(contents, std::move(reuse)); });
  }
  void restore(const Snapshot& snapshot) override {
    guarded([&] { parameters_.restore(snapshot); });
  }
  void read(const Snapshot& snapshot, std::size_t tensor, std::span<float> values) const override {
    parameters_.read(snapshot, tensor, values);
  }

  std::size_t release_memory() override;

 private:
  /// Throws KernelFault where a call failed because a kernel of a step has failed before.
  template <class F>
  std::invoke_result_t<F> guarded(F f) const {
    try {
      return f();
    } catch (const DeviceMemoryError&) {
      throw;
    } catch (const KernelFault&) {
      throw;
    } catch (const CudaError& error) {
      const cudaError_t state = cudaStreamQuery(home_->stream);
      if (state == cudaSuccess || state == cudaErrorNotReady) throw;
      throw fault(state, error.what());
    }
  }
  KernelFault fault(cudaError_t state, const std::string& noticed) const;
  void await_record(StepRecord& record);
  /// Takes one record from the ring, waiting for it, so that the ring has room.
  void receive() {
    StepRecord record;
    await_record(record);
    keep(record);
  }
  void keep(const StepRecord& record) {
    if (taken_ == received_.size()) received_.clear(), taken_ = 0;
    received_.push_back(record);
  }

  const Data& data(DataId id) const {
    const auto i = static_cast<std::size_t>(id);
    if (i >= data_.size()) throw DataError("this data set was not attached to the session; call attach first");
    return data_[i];
  }
  /// Samples that an evaluation takes at a time: no more than training has memory for, so that no graph loses its
  /// buffers; and no more than keep a device busy.
  std::uint32_t chunk() const { return std::min(std::max(largest_batch_, 64u), largest_chunk_); }
  /// Calls f, which builds evaluations' plans, until chunks are so small that they fit beside training.
  template <class F>
  void in_fitting_chunks(F f);
  StepGraph& graph_for(DataId id, std::uint32_t batch);
  std::unique_ptr<Plan> build(std::uint32_t batch, bool training);

  NetworkSpec spec_;
  CudaOptions options_;
  std::string description_;
  std::size_t classes_, smallest_;
  Algorithms algorithms_;
  std::shared_ptr<Home> home_;
  Cudnn cudnn_;
  CublasLt blas_;
  Context context_;
  Parameters parameters_;
  Workbench bench_;
  std::vector<Data> data_;
  std::vector<DatasetView> views_;  ///< of data_, on the host, for checks
  StepRing ring_;
  DeviceBuffer<DeviceStep> step_;
  DeviceBuffer<double> squares_;
  DeviceBuffer<EvaluationSlot> evaluation_sums_;
  PinnedBuffer<EvaluationSlot> evaluation_;
  std::uint64_t evaluations_ = 0;
  std::map<std::pair<std::uint32_t, DataId>, StepGraph> graphs_;
  std::map<std::uint32_t, std::unique_ptr<Plan>> evaluation_plans_;
  std::uint32_t largest_batch_ = 0;
  std::uint32_t largest_chunk_ = 4096;  ///< less where memory is short
  std::vector<StepRecord> received_;  ///< taken from the ring before anybody asked; those before taken_ have been taken
  std::size_t taken_ = 0;
};

DataId CudaSession::attach(const DatasetView& data) {
  cpu::check(data, classes_);
  const std::size_t a_sample = spec_.input.size();
  const cudaStream_t stream = home_->stream;
  Data made{.count = data.count,
            .images = DeviceBuffer<std::uint8_t>(home_->pool, data.count * a_sample, stream),
            .labels = DeviceBuffer<std::uint8_t>(home_->pool, data.count, stream),
            .view = {}};
  guarded([&] {
    SIDESTEP_CHECK(
        cudaMemcpyAsync(made.images.data(), data.images, made.images.bytes(), cudaMemcpyHostToDevice, stream));
    SIDESTEP_CHECK(
        cudaMemcpyAsync(made.labels.data(), data.labels, made.labels.bytes(), cudaMemcpyHostToDevice, stream));
    SIDESTEP_CHECK(cudaStreamSynchronize(stream));
  });
  made.view = {.images = made.images.data(),
               .labels = made.labels.data(),
               .channels = static_cast<std::uint32_t>(spec_.input.channels),
               .plane = static_cast<std::uint32_t>(spec_.input.height * spec_.input.width),
               .scale = 1.0f / (255.0f * data.deviation),
               .shift = -data.mean / data.deviation};
  data_.push_back(std::move(made));
  views_.push_back(data);
  return static_cast<DataId>(data_.size() - 1);
}

void CudaSession::prepare(DataId id, std::size_t samples) {
  static_cast<void>(data(id));
  const auto batch = static_cast<std::uint32_t>(std::max(samples, smallest_));
  guarded([&] {
    // two checkpoints may be on their way at once; their memory stays the pool's
    const auto one = parameters_.snapshot(Contents::everything, nullptr);
    const auto other = parameters_.snapshot(Contents::everything, nullptr);
    // Buffers first, so that they don't grow under a graph: the step's, whose refusal names the batch, then those of
    // an evaluation of any data set, its last chunk among them.
    static_cast<void>(build(batch, true));
    largest_batch_ = std::max(largest_batch_, batch);
    const auto evaluated = [&](std::uint32_t samples) {
      if (samples == 0) return;
      auto& plan = evaluation_plans_[samples];
      if (!plan || plan->generation() != bench_.generation()) plan = build(samples, false);
    };
    in_fitting_chunks([&] {
      evaluated(chunk());
      for (const Data& known : data_) evaluated(static_cast<std::uint32_t>(known.count % chunk()));
    });
    // the graph; and those of earlier calls that lost their buffers to this one
    std::set<std::pair<std::uint32_t, DataId>> wanted{{batch, id}};
    for (const auto& [key, graph] : graphs_) wanted.insert(key);
    for (const auto& [samples, from] : wanted) static_cast<void>(graph_for(from, samples));
  });
}

void CudaSession::submit(DataId id, std::span<const std::uint32_t> indices, const StepInput& input) {
  const Range range("submit");
  static_cast<void>(data(id));
  cpu::check(views_[static_cast<std::size_t>(id)], indices);
  if (indices.size() < smallest_)
    throw ShapeError(fmt::format("a batch of {} is too small: a normalisation needs at least {} values a channel",
                                 indices.size(), smallest_));
  guarded([&] {
    const auto batch = static_cast<std::uint32_t>(indices.size());
    StepGraph& graph = graph_for(id, batch);
    while (ring_.full() && !PLANTED(block_overwritten_early)) receive();
    ring_.write({.learning_rate = input.learning_rate, .step = input.step, .seed = options_.seed, .samples = batch},
                indices);
    try {
      graph.launch(home_->stream);
    } catch (const CudaError&) {
      ring_.unwrite();
      throw;
    }
  });
}

StepGraph& CudaSession::graph_for(DataId id, std::uint32_t batch) {
  const auto found = graphs_.find({batch, id});
  if (found != graphs_.end() && (found->second.generation() == bench_.generation() || PLANTED(stale_graph)) &&
      batch <= ring_.samples())
    return found->second;
  if (batch > ring_.samples()) {
    // blocks are longer from now on: what is under way ends first, and every graph is captured anew
    while (!ring_.empty()) receive();
    graphs_.clear();
    ring_ = StepRing(options_.run_ahead + 2, batch, ring_.written());
  }
  auto plan = build(batch, true);
  largest_batch_ = std::max(largest_batch_, batch);
  const Data& samples = data(id);
  StepGraph graph(home_->stream, std::move(plan), [&](Plan& step) {
    begin_step(ring_.blocks_on_device(), batch, step_.data(), step.indices(), context_.stream);
    step.load(samples.view, step.indices(), 0);
    step.forward();
    step.loss();
    step.backward();
    const ParameterArrays arrays = parameters_.arrays();
    const auto squares = static_cast<std::uint32_t>(squares_.size());
    // the norm is the record's, and what clipping needs
    if (options_.telemetry || options_.clip_norm > 0)
      gradient_squares(arrays.gradients, arrays.count, squares_.data(), context_.stream);
    optimizer_step(options_.optimizer, arrays, step_.data(), squares_.data(), squares, options_.clip_norm,
                   context_.stream);
    if (options_.telemetry)
      end_step(step.parts(), step.part_count(), squares_.data(), squares, step_.data(), ring_.records_on_device(),
               ring_.depth(), context_.stream);
    else
      end_silent_step(step_.data(), ring_.records_on_device(), ring_.depth(), context_.stream);
  });
  return graphs_.insert_or_assign({batch, id}, std::move(graph)).first->second;
}

std::unique_ptr<Plan> CudaSession::build(std::uint32_t batch, bool training) {
  const auto make = [&](Workbench& bench) {
    return std::make_unique<Plan>(spec_, context_, bench, parameters_, step_.data(), batch, training);
  };
  try {
    return make(bench_);
  } catch (const DeviceMemoryError&) {
    Workbench counted;
    static_cast<void>(make(counted));
    bench_.release();  // what was already taken for this batch; smaller ones take theirs anew
    SIDESTEP_CHECK(cudaStreamSynchronize(home_->stream));  // so that it counts as free
    const std::size_t asked = counted.bytes(), free = home_->pool.available();
    if (!training) throw DeviceMemoryError(asked, home_->pool.used(), free);  // nobody asked for this batch
    // less those of prepare()'s two checkpoints that aren't taken now; and a sixteenth stays free: pools grow in large
    // pieces. relaxed: as in Home
    const std::size_t all = 2 * parameters_.snapshot_bytes();
    const std::size_t taken = std::min(all, home_->snapshot_bytes.load(std::memory_order_relaxed));
    const std::size_t usable = free - std::min(free, all - taken);
    const auto fitting =
        static_cast<std::size_t>(static_cast<double>(usable) * 15 / 16 / static_cast<double>(asked) * batch);
    throw DeviceMemoryError(asked, home_->pool.used(), free, batch, std::min<std::size_t>(fitting, batch - 1));
  }
}

template <class F>
void CudaSession::in_fitting_chunks(F f) {
  const std::uint32_t least = std::max(largest_batch_, 1u);
  for (;;) {
    try {
      f();
      return;
    } catch (const DeviceMemoryError&) {
      if (chunk() <= least) throw;
      largest_chunk_ = std::max(chunk() / 2, least);
    }
    // the refusal has taken all buffers: training's come back first, an evaluation gets what is left
    if (largest_batch_ > 0) static_cast<void>(build(largest_batch_, true));
  }
}

Evaluation CudaSession::evaluate(DataId id, std::size_t first, std::size_t count) {
  const Range range("evaluate");
  const Data& samples = data(id);
  if (first > samples.count || count > samples.count - first)
    throw DataError(
        fmt::format("samples {} to {} do not exist; the data set has {}", first, first + count, samples.count));
  Evaluation result{.samples = count};
  if (count == 0) return result;
  guarded([&] {
    const std::uint64_t number = ++evaluations_;
    in_fitting_chunks([&] {  // a second time from the first sample on, where the sums begin anew
      const std::size_t most = chunk();
      for (std::size_t at = 0; at < count; at += most) {
        const auto batch = static_cast<std::uint32_t>(std::min(most, count - at));
        auto& plan = evaluation_plans_[batch];
        if (!plan || plan->generation() != bench_.generation()) plan = build(batch, false);
        plan->load(samples.view, nullptr, static_cast<std::uint32_t>(first + at));
        plan->forward();
        plan->loss();
        end_chunk(plan->parts(), plan->part_count(), evaluation_sums_.data(), at == 0, at + batch == count, number,
                  evaluation_.on_device(), context_.stream);
      }
    });
    EvaluationSlot& slot = evaluation_[0];
    // acquire at system scope: pairs with the release in write_evaluation (step_kernels.cu)
    const ::cuda::atomic_ref<std::uint64_t, ::cuda::thread_scope_system> published(slot.published);
    const cudaError_t state =
        await([&] { return published.load(::cuda::memory_order_acquire) == number; }, home_->stream);
    if (state != cudaSuccess) throw fault(state, "an evaluation's result hasn't come");
    result.loss = slot.loss / static_cast<double>(count);
    result.correct = slot.correct;
  });
  return result;
}

void CudaSession::await_record(StepRecord& record) {
  const cudaError_t state = await([&] { return ring_.arrived(record); }, home_->stream);
  if (state != cudaSuccess) throw fault(state, "its record hasn't come");
}

KernelFault CudaSession::fault(cudaError_t state, const std::string& noticed) const {
  // steps whose records have come but weren't looked at are not the culprit
  const std::uint64_t step = ring_.oldest_unpublished_step();
  return KernelFault(
      fmt::format(
          "{} failed on the device: {}; noticed where {}. Nothing behind it was computed, and this session can't "
          "go on: resume from the last checkpoint. compute-sanitizer names the kernel's line (docs/gpu.md).",
          step ? fmt::format("training step {}", step) : "a kernel", said_by(state), noticed),
      step);
}

std::size_t CudaSession::release_memory() {
  return guarded([&] {
    while (!ring_.empty()) receive();
    if (!PLANTED(stale_graph)) graphs_.clear();
    evaluation_plans_.clear();
    const std::size_t held = home_->pool.reserved();
    bench_.release();
    // what isn't freed yet can't be given back
    SIDESTEP_CHECK(cudaStreamSynchronize(home_->stream));
    SIDESTEP_CHECK(cudaStreamSynchronize(home_->side));
    SIDESTEP_CHECK(cudaStreamSynchronize(home_->snapshots));
    static_cast<void>(home_->pool.trim());
    return held - home_->pool.reserved();
  });
}

}  // namespace

std::unique_ptr<Session> make_session(const NetworkSpec& spec, const CudaOptions& options) {
  static_cast<void>(output_shapes(spec));  // a bad network is refused before the device is asked
  const CudaStatus device = inspect_device();
  if (!device.ready()) throw DeviceError(device.sentence);
  return std::make_unique<CudaSession>(spec, options, device);
}

std::string algorithms(const Session& session) {
  const auto* ours = dynamic_cast<const CudaSession*>(&session);
  return ours ? ours->chosen().text() : std::string{};
}

}  // namespace sidestep::kernels::cuda
