#include <sidestep/kernels/cpu/session.hpp>

#include <fmt/format.h>
#include <tbb/global_control.h>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/partitioner.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <optional>
#include <thread>

#include <sidestep/kernels/cpu/hand_layers.hpp>
#include <sidestep/kernels/cpu/memory.hpp>
#include <sidestep/kernels/cpu/onednn.hpp>
#include <sidestep/kernels/cpu/optimizer_step.hpp>
#include <sidestep/kernels/cpu/samples.hpp>
#include <sidestep/kernels/cpu/state.hpp>

namespace sidestep::kernels {
namespace {

using namespace cpu;

std::unique_ptr<Layer> make_layer(const Convolution& layer, const Shape& input, bool first, const HandKernels* hand) {
  if (hand && hand_convolution_serves(layer, input, first)) return make_hand_convolution(layer, input, *hand);
  return make_onednn_convolution(layer, input);
}

std::unique_ptr<Layer> make_layer(const Dense& layer, const Shape& input, bool, const HandKernels* hand) {
  return hand ? make_hand_dense(layer, input, *hand) : make_onednn_dense(layer, input);
}

template <class Other>
std::unique_ptr<Layer> make_layer(const Other&, const Shape&, bool, const HandKernels*) {
  throw UnsupportedError("the CPU backend has no normalisation, pooling by mean, residual blocks or dropout");
}

std::vector<std::unique_ptr<Layer>> make_layers(const NetworkSpec& spec, CpuPath path) {
  const HandKernels* hand = path == CpuPath::avx512 ? &avx512_kernels()
                            : path == CpuPath::avx2 ? &avx2_kernels()
                                                    : nullptr;
  std::vector<std::unique_ptr<Layer>> layers;
  const auto shapes = output_shapes(spec);
  for (std::size_t i = 0; i < spec.layers.size(); ++i)
    layers.push_back(
        std::visit([&](const auto& layer) { return make_layer(layer, i ? shapes[i - 1] : spec.input, i == 0, hand); },
                   spec.layers[i]));
  return layers;
}

/// A batch is cut into slices of fixed size; a slice goes forward and backward as one task. Slices have gradient
/// buffers of their own, which the update adds in order; so no result depends on which worker did what. A batch of more
/// than max_groups slices puts neighbours into one group, which shares a buffer and is one task: the batch alone
/// decides that.
class CpuSession final : public Session {
 public:
  CpuSession(const NetworkSpec& spec, const CpuOptions& options)
      : spec_(spec),
        options_(options),
        path_(resolve(options.path)),
        workers_(options.threads > 0 ? options.threads
                                     : std::max(1, static_cast<int>(std::thread::hardware_concurrency()))),
        classes_(kernels::classes(spec)),
        pitches_(pitches(spec)),
        layers_(make_layers(spec, path_)),
        state_(spec, options.optimizer, layers_) {
    if (options.slice == 0) throw ShapeError("a slice of 0 samples goes nowhere; 16 is a good size");
    if (workers_ > 1) arena_.emplace(workers_, 1);
    if (workers_ > tbb::info::default_concurrency())
      limit_.emplace(tbb::global_control::max_allowed_parallelism, workers_);
    for (std::size_t i = 0; i < layers_.size(); ++i)
      for (std::size_t task = 0; task < layers_[i]->update_tasks(); ++task) update_tasks_.emplace_back(i, task);
    initialise(options.seed);
  }

  const NetworkSpec& network() const override { return spec_; }
  std::string description() const override {
    return fmt::format("cpu {}, {} thread{}", name(path_), workers_, workers_ == 1 ? "" : "s");
  }

  DataId attach(const DatasetView& data) override {
    check(data, classes_);
    data_.push_back(data);
    return static_cast<DataId>(data_.size() - 1);
  }

  void submit(DataId id, std::span<const std::uint32_t> indices, const StepInput& input) override;

  bool poll(StepRecord& record) override {
    if (in_flight() == 0) return false;
    record = records_[taken_++];
    return true;
  }
  StepRecord wait() override {
    StepRecord record;
    if (!poll(record)) throw Error("no training step is under way; submit one before waiting for its record");
    return record;
  }
  std::size_t in_flight() const override { return records_.size() - taken_; }

  Evaluation evaluate(DataId id, std::size_t first, std::size_t count) override;

  const std::vector<TensorInfo>& tensors() const override { return state_.tensors(); }
  void read(std::size_t tensor, std::span<float> values) const override { state_.read(tensor, values); }
  void write(std::size_t tensor, std::span<const float> values) override {
    state_.write(tensor, values);
    refresh();
  }
  void initialise(std::uint64_t seed) override {
    state_.initialise(spec_, seed);
    refresh();
  }
  std::unique_ptr<Snapshot> snapshot(Contents contents, std::unique_ptr<Snapshot> reuse) override {
    return state_.snapshot(contents, std::move(reuse));
  }
  void restore(const Snapshot& snapshot) override {
    state_.restore(snapshot);
    refresh();
  }
  void read(const Snapshot& snapshot, std::size_t tensor, std::span<float> values) const override {
    state_.read(snapshot, tensor, values);
  }

  std::size_t release_memory() override;

 private:
  static constexpr std::size_t max_groups = 64;

  const DatasetView& data(DataId id) const {
    const auto i = static_cast<std::size_t>(id);
    if (i >= data_.size()) throw DataError("this data set was not attached to the session; call attach first");
    return data_[i];
  }
  void refresh() {
    for (std::size_t i = 0; i < layers_.size(); ++i) layers_[i]->refresh(state_.of(i).weights);
  }

  /// Makes what slices of these sizes need, if it is not there yet.
  void prepare(std::size_t samples);
  void prepare_batch(std::size_t samples);

  /// Runs f(index, worker) for each index, on all workers. In what order and where, nothing may depend on.
  template <class F>
  void for_each(std::size_t count, F f) {
    if (workers_ == 1) {
      for (std::size_t i = 0; i < count; ++i) f(i, 0);
      return;
    }
    arena_->execute([&] {
      tbb::parallel_for(
          std::size_t{0}, count, [&](std::size_t i) { f(i, tbb::this_task_arena::current_thread_index()); },
          tbb::simple_partitioner{});
    });
  }

  /// Takes samples forward, and backward if training; then they are rows `row` and on of the batch.
  SoftmaxSums run_slice(const DatasetView& data, std::span<const std::uint32_t> indices, std::size_t row, int worker,
                        bool training, float* parameter_gradients);
  void backward_slice(WorkerMemory& memory, Slice slice, std::size_t row, float* parameter_gradients);
  float* activation(WorkerMemory& memory, std::size_t boundary, std::size_t row, bool training);
  float* gradient(WorkerMemory& memory, std::size_t boundary, std::size_t row);

  NetworkSpec spec_;
  CpuOptions options_;
  CpuPath path_;
  int workers_;
  std::size_t classes_;
  std::vector<std::size_t> pitches_;
  std::vector<std::unique_ptr<Layer>> layers_;
  State state_;
  std::optional<tbb::global_control> limit_;  ///< raises oneTBB's limit for who asks for more threads than the CPU has
  std::optional<tbb::task_arena> arena_;
  std::vector<DatasetView> data_;
  std::vector<WorkerMemory> worker_memory_;
  std::vector<Buffer> update_scratch_;                             ///< one a worker
  std::vector<std::pair<std::size_t, std::size_t>> update_tasks_;  ///< layer and its task
  BatchMemory batch_;
  std::size_t batch_size_ = 0;  ///< of the step under way
  std::vector<SoftmaxSums> evaluated_;
  std::vector<StepRecord> records_;  ///< those before taken_ have been taken
  std::size_t taken_ = 0;
};

void CpuSession::prepare(std::size_t samples) {
  if (worker_memory_.empty())
    for (int i = 0; i < workers_; ++i) worker_memory_.push_back(make_worker_memory(layers_, pitches_, options_.slice));
  const auto workers = static_cast<std::size_t>(workers_);
  for (const auto& layer : layers_) {
    if (samples >= options_.slice) layer->prepare(options_.slice, workers);
    if (samples % options_.slice) layer->prepare(samples % options_.slice, workers);
  }
}

void CpuSession::prepare_batch(std::size_t samples) {
  prepare(samples);
  if (batch_.samples >= samples) return;
  const auto slices = (samples + options_.slice - 1) / options_.slice;
  batch_ = make_batch_memory(layers_, pitches_, samples, slices, std::min(slices, max_groups));
  std::size_t scratch = 0;
  for (const auto& layer : layers_) scratch = std::max(scratch, layer->update_scratch_floats(samples));
  update_scratch_.clear();
  for (int i = 0; i < workers_; ++i) update_scratch_.emplace_back(scratch);
}

std::size_t CpuSession::release_memory() {
  std::size_t released = bytes(batch_);
  for (const auto& memory : worker_memory_) released += bytes(memory);
  for (const auto& scratch : update_scratch_) released += scratch.bytes();
  for (const auto& layer : layers_) released += layer->release();
  batch_ = {};
  worker_memory_.clear();
  update_scratch_.clear();
  return released;
}

float* CpuSession::activation(WorkerMemory& memory, std::size_t boundary, std::size_t row, bool training) {
  if (training && batch_.activations[boundary].size())
    return batch_.activations[boundary].data() + row * pitches_[boundary];
  return memory.activations[boundary].data();
}

float* CpuSession::gradient(WorkerMemory& memory, std::size_t boundary, std::size_t row) {
  if (batch_.gradients[boundary].size()) return batch_.gradients[boundary].data() + row * pitches_[boundary];
  return memory.gradients[boundary].data();
}

SoftmaxSums CpuSession::run_slice(const DatasetView& data, std::span<const std::uint32_t> indices, std::size_t row,
                                  int worker, bool training, float* parameter_gradients) {
  single_threaded_onednn();
  WorkerMemory& memory = worker_memory_[static_cast<std::size_t>(worker)];
  Slice slice;
  slice.samples = indices.size();
  slice.scratch = memory.scratch.data();
  slice.worker = worker;

  float* rows = activation(memory, 0, row, training);
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (i + 1 < indices.size()) prefetch(data, spec_.input, indices[i + 1]);
    normalise(data, spec_.input, indices[i], rows + i * pitches_[0]);
    memory.labels[i] = data.labels[indices[i]];
  }
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    slice.input = activation(memory, i, row, training);
    slice.output = activation(memory, i + 1, row, training);
    slice.kept = memory.kept[i].data();
    layers_[i]->forward(slice, state_.of(i).weights, training);
  }
  const auto last = layers_.size();
  const float scale = training ? 1.0f / static_cast<float>(batch_size_) : 0.0f;
  const auto sums = softmax_cross_entropy(activation(memory, last, row, training), memory.labels.data(),
                                          training ? gradient(memory, last, row) : nullptr, indices.size(), classes_,
                                          pitches_[last], scale);
  if (training) backward_slice(memory, slice, row, parameter_gradients);
  return sums;
}

void CpuSession::backward_slice(WorkerMemory& memory, Slice slice, std::size_t row, float* parameter_gradients) {
  for (std::size_t i = layers_.size(); i-- > 0;) {
    slice.input = activation(memory, i, row, true);
    slice.output = activation(memory, i + 1, row, true);
    slice.output_gradient = gradient(memory, i + 1, row);
    slice.input_gradient = i ? gradient(memory, i, row) : nullptr;
    slice.kept = memory.kept[i].data();
    slice.gradient = parameter_gradients + batch_.gradient_at[i];
    layers_[i]->backward(slice, state_.of(i).weights);
  }
}

void CpuSession::submit(DataId id, std::span<const std::uint32_t> indices, const StepInput& input) {
  const DatasetView& samples = data(id);
  check(samples, indices);
  prepare_batch(indices.size());
  batch_size_ = indices.size();
  const std::size_t slices = (indices.size() + options_.slice - 1) / options_.slice;
  const std::size_t a_group = (slices + max_groups - 1) / max_groups, groups = (slices + a_group - 1) / a_group;

  for_each(groups, [&](std::size_t group, int worker) {
    float* gradients = batch_.parameter_gradients.data() + group * batch_.gradient_pitch;
    std::fill_n(gradients, batch_.gradient_pitch, 0.0f);
    for (std::size_t s = group * a_group; s < std::min(slices, (group + 1) * a_group); ++s) {
      const auto first = s * options_.slice;
      const auto part = indices.subspan(first, std::min(options_.slice, indices.size() - first));
      for (const auto sample :
           input.upcoming.subspan(std::min(first, input.upcoming.size()))
               .first(std::min(options_.slice, input.upcoming.size() - std::min(first, input.upcoming.size()))))
        prefetch(samples, spec_.input, sample);
      batch_.sums[s] = run_slice(samples, part, first, worker, true, gradients);
    }
  });

  const Update update = update_numbers(options_.optimizer, input.learning_rate, input.step);
  for_each(update_tasks_.size(), [&](std::size_t i, int worker) {
    const auto [layer, task] = update_tasks_[i];
    Batch batch;
    batch.samples = indices.size();
    batch.input = batch_.activations[layer].data();
    batch.output_gradient = batch_.gradients[layer + 1].data();
    batch.gradients = batch_.parameter_gradients.data() + batch_.gradient_at[layer];
    batch.gradient_pitch = batch_.gradient_pitch;
    batch.slices = groups;
    batch.scratch = update_scratch_[static_cast<std::size_t>(worker)].data();
    single_threaded_onednn();
    layers_[layer]->update(task, batch, update, state_.of(layer));
  });

  StepRecord record{.step = input.step, .samples = static_cast<std::uint32_t>(indices.size())};
  for (std::size_t s = 0; s < slices; ++s) {
    record.loss += batch_.sums[s].loss;
    record.correct += batch_.sums[s].correct;
  }
  record.loss /= static_cast<double>(indices.size());
  if (taken_ == records_.size()) records_.clear(), taken_ = 0;
  records_.push_back(record);
}

Evaluation CpuSession::evaluate(DataId id, std::size_t first, std::size_t count) {
  const DatasetView& samples = data(id);
  if (first > samples.count || count > samples.count - first)
    throw DataError(
        fmt::format("samples {} to {} do not exist; the data set has {}", first, first + count, samples.count));
  prepare(count);
  const std::size_t slices = (count + options_.slice - 1) / options_.slice;
  evaluated_.resize(slices);
  for_each(slices, [&](std::size_t s, int worker) {
    auto& indices = worker_memory_[static_cast<std::size_t>(worker)].indices;
    indices.resize(std::min(options_.slice, count - s * options_.slice));
    for (std::size_t i = 0; i < indices.size(); ++i)
      indices[i] = static_cast<std::uint32_t>(first + s * options_.slice + i);
    evaluated_[s] = run_slice(samples, indices, 0, worker, false, nullptr);
  });
  Evaluation result{.samples = count};
  for (const auto& sums : evaluated_) {
    result.loss += sums.loss;
    result.correct += sums.correct;
  }
  if (count) result.loss /= static_cast<double>(count);
  return result;
}

}  // namespace

std::unique_ptr<Session> make_cpu_session(const NetworkSpec& spec, const CpuOptions& options) {
  if (!supported(options.path))
    throw UnsupportedError(
        fmt::format("this CPU cannot run the {} kernels; choose CpuPath::automatic", name(options.path)));
  return std::make_unique<CpuSession>(spec, options);
}

}  // namespace sidestep::kernels
