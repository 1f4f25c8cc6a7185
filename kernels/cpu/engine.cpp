#include <sidestep/kernels/cpu/engine.hpp>

#include <algorithm>

#include <sidestep/kernels/cpu/onednn.hpp>
#include <sidestep/kernels/cpu/optimizer_step.hpp>
#include <sidestep/kernels/cpu/samples.hpp>

namespace sidestep::kernels::cpu {
namespace {

/// The part of `all` from `first` on, `count` long or as long as there is.
std::span<const std::uint32_t> part_of(std::span<const std::uint32_t> all, std::size_t first, std::size_t count) {
  const auto rest = all.subspan(std::min(first, all.size()));
  return rest.first(std::min(count, rest.size()));
}

}  // namespace

Engine::Engine(const NetworkSpec& spec, Program& program, State& state, int threads, std::size_t slice)
    : spec_(spec),
      program_(program),
      state_(state),
      workers_(threads),
      slice_(slice),
      classes_(program.values.back().shape.channels) {
  for (std::size_t i = 0; i < program.operations.size(); ++i)
    for (std::size_t task = 0; task < program.operations[i].layer->update_tasks(); ++task)
      update_tasks_.emplace_back(i, task);
}

void Engine::refresh() {
  for (std::size_t i = 0; i < program_.operations.size(); ++i)
    program_.operations[i].layer->refresh(state_.of(i).weights);
}

void Engine::prepare(std::size_t samples) {
  if (worker_memory_.empty())
    for (int i = 0; i < workers(); ++i) worker_memory_.push_back(make_worker_memory(program_, slice_));
  const auto workers = static_cast<std::size_t>(workers_.count());
  for (const auto& operation : program_.operations) {
    if (samples >= slice_) operation.layer->prepare(slice_, workers);
    if (samples % slice_) operation.layer->prepare(samples % slice_, workers);
  }
}

void Engine::prepare_batch(std::size_t samples) {
  prepare(samples);
  if (batch_.samples >= samples) return;
  const auto slices = (samples + slice_ - 1) / slice_;
  batch_ = make_batch_memory(program_, samples, slices, std::min(slices, max_groups));
  std::size_t scratch = 0;
  for (const auto& operation : program_.operations)
    scratch = std::max(scratch, operation.layer->update_scratch_floats(samples));
  update_scratch_.clear();
  for (int i = 0; i < workers(); ++i) update_scratch_.emplace_back(scratch);
}

std::size_t Engine::release() {
  std::size_t released = bytes(batch_);
  for (const auto& memory : worker_memory_) released += bytes(memory);
  for (const auto& scratch : update_scratch_) released += scratch.bytes();
  for (const auto& operation : program_.operations) released += operation.layer->release();
  batch_ = {};
  worker_memory_.clear();
  update_scratch_.clear();
  return released;
}

float* Engine::rows(std::size_t value, const Part& part) {
  if (part.training && program_.values[value].shared_rows)
    return batch_.activations[value].data() + part.row * program_.values[value].pitch();
  return memory(part).activations[value].data();
}

float* Engine::gradient(std::size_t value, const Part& part) {
  if (value == 0) return nullptr;  // nobody needs the input's
  const auto& known = program_.values[value];
  if (known.shared_gradient) return batch_.gradients[known.gradient].data() + part.row * known.pitch();
  return memory(part).gradients[known.gradient].data();
}

void Engine::load(const Part& part) {
  float* to = rows(0, part);
  const auto pitch = program_.values[0].pitch();
  for (std::size_t i = 0; i < part.indices.size(); ++i) {
    if (i + 1 < part.indices.size()) prefetch(part.data, spec_.input, part.indices[i + 1]);
    normalise(part.data, spec_.input, part.indices[i], to + i * pitch);
  }
}

SoftmaxSums Engine::loss(const Part& part) {
  const auto last = program_.values.size() - 1;
  auto& labels = memory(part).labels;
  for (std::size_t i = 0; i < part.indices.size(); ++i) labels[i] = part.data.labels[part.indices[i]];
  const float scale = part.training ? 1.0f / static_cast<float>(batch_size_) : 0.0f;
  return softmax_cross_entropy(rows(last, part), labels.data(), part.training ? gradient(last, part) : nullptr,
                               part.indices.size(), classes_, program_.values[last].pitch(), scale);
}

Slice Engine::slice_of(const Operation& operation, std::size_t index, const Part& part) {
  Slice slice;
  slice.samples = part.indices.size();
  slice.input = rows(operation.input, part);
  slice.output = rows(operation.output, part);
  if (operation.second != nothing) slice.second = rows(operation.second, part);
  slice.kept = memory(part).kept[index].data();
  slice.scratch = memory(part).scratch.data();
  slice.worker = part.worker;
  slice.row = part.row;
  slice.step = part.step;
  if (!part.training) return slice;
  slice.output_gradient = gradient(operation.output, part);
  slice.input_gradient = gradient(operation.input, part);
  if (operation.second != nothing) slice.second_gradient = gradient(operation.second, part);
  slice.adds = operation.adds;
  slice.gradient = part.parameter_gradients + batch_.gradient_at[index];
  slice.sums = batch_.measured[index].data() + part.number * operation.layer->sums();
  return slice;
}

void Engine::run(const Step& step, const Part& part) {
  if (step.kind == Step::Kind::load) return load(part);
  if (step.kind == Step::Kind::loss) {
    batch_.sums[part.number] = loss(part);
    return;
  }
  const Operation& operation = program_.operations[step.operation];
  const Slice slice = slice_of(operation, step.operation, part);
  const float* weights = state_.of(step.operation).weights;
  switch (step.kind) {
    case Step::Kind::measure:
      operation.layer->measure(slice);
      break;
    case Step::Kind::forward:
      operation.layer->forward(slice, weights, part.training);
      break;
    case Step::Kind::measure_backward:
      operation.layer->measure_backward(slice);
      break;
    case Step::Kind::backward:
      if (operation.again) operation.layer->forward(slice, weights, part.training);
      operation.layer->backward(slice, weights);
      break;
    case Step::Kind::load:
    case Step::Kind::loss:
      break;
  }
}

void Engine::conclude(const std::vector<Step>& phase, std::size_t slices) {
  for (const auto& step : phase) {
    if (step.kind != Step::Kind::measure && step.kind != Step::Kind::measure_backward) continue;
    Layer& layer = *program_.operations[step.operation].layer;
    const double* measured = batch_.measured[step.operation].data();
    float* weights = state_.of(step.operation).weights;
    if (step.kind == Step::Kind::measure)
      layer.conclude(measured, slices, weights);
    else
      layer.conclude_backward(measured, slices, weights);
  }
}

void Engine::update(std::size_t samples, std::size_t groups, const Update& update) {
  workers_.for_each(update_tasks_.size(), [&](std::size_t i, int worker) {
    const auto [index, task] = update_tasks_[i];
    const Operation& operation = program_.operations[index];
    Batch batch;
    batch.samples = samples;
    batch.input = batch_.activations[operation.input].data();
    batch.output_gradient = batch_.gradients[program_.values[operation.output].gradient].data();
    batch.gradients = batch_.parameter_gradients.data() + batch_.gradient_at[index];
    batch.gradient_pitch = batch_.gradient_pitch;
    batch.slices = groups;
    batch.scratch = update_scratch_[static_cast<std::size_t>(worker)].data();
    single_threaded_onednn();
    operation.layer->update(task, batch, update, state_.of(index));
  });
}

StepRecord Engine::train(const DatasetView& data, std::span<const std::uint32_t> indices, const StepInput& input,
                         const Optimizer& optimizer) {
  prepare_batch(indices.size());
  batch_size_ = indices.size();
  const std::size_t slices = (indices.size() + slice_ - 1) / slice_;
  const std::size_t a_group = (slices + max_groups - 1) / max_groups, groups = (slices + a_group - 1) / a_group;

  for (std::size_t phase = 0; phase < program_.phases.size(); ++phase) {
    workers_.for_each(groups, [&](std::size_t group, int worker) {
      single_threaded_onednn();
      float* gradients = batch_.parameter_gradients.data() + group * batch_.gradient_pitch;
      if (phase == 0) std::fill_n(gradients, batch_.gradient_pitch, 0.0f);
      for (std::size_t s = group * a_group; s < std::min(slices, (group + 1) * a_group); ++s) {
        const auto first = s * slice_;
        if (phase == 0)
          for (const auto sample : part_of(input.upcoming, first, slice_)) prefetch(data, spec_.input, sample);
        const Part part{data, part_of(indices, first, slice_),        s,        first, worker,
                        true, static_cast<std::uint32_t>(input.step), gradients};
        for (const auto& step : program_.phases[phase]) run(step, part);
      }
    });
    conclude(program_.phases[phase], slices);
  }
  update(indices.size(), groups, update_numbers(optimizer, input.learning_rate, input.step));

  StepRecord record{.step = input.step, .samples = static_cast<std::uint32_t>(indices.size())};
  for (std::size_t s = 0; s < slices; ++s) {
    record.loss += batch_.sums[s].loss;
    record.correct += batch_.sums[s].correct;
  }
  record.loss /= static_cast<double>(indices.size());
  return record;
}

Evaluation Engine::evaluate(const DatasetView& data, std::size_t first, std::size_t count) {
  prepare(count);
  const std::size_t slices = (count + slice_ - 1) / slice_;
  evaluated_.resize(slices);
  workers_.for_each(slices, [&](std::size_t s, int worker) {
    single_threaded_onednn();
    auto& indices = worker_memory_[static_cast<std::size_t>(worker)].indices;
    indices.resize(std::min(slice_, count - s * slice_));
    for (std::size_t i = 0; i < indices.size(); ++i) indices[i] = static_cast<std::uint32_t>(first + s * slice_ + i);
    const Part part{data, indices, s, 0, worker, false, 0, nullptr};
    load(part);
    for (std::size_t i = 0; i < program_.operations.size(); ++i) run({Step::Kind::forward, i}, part);
    evaluated_[s] = loss(part);
  });
  Evaluation result{.samples = count};
  for (const auto& sums : evaluated_) {
    result.loss += sums.loss;
    result.correct += sums.correct;
  }
  if (count) result.loss /= static_cast<double>(count);
  return result;
}

}  // namespace sidestep::kernels::cpu
