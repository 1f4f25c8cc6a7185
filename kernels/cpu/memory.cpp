#include <sidestep/kernels/cpu/memory.hpp>

#include <algorithm>

namespace sidestep::kernels::cpu {

std::vector<std::size_t> pitches(const NetworkSpec& spec) {
  std::vector<std::size_t> all{row_pitch(spec.input.size())};
  for (const auto& shape : output_shapes(spec)) all.push_back(row_pitch(shape.size()));
  return all;
}

WorkerMemory make_worker_memory(const std::vector<std::unique_ptr<Layer>>& layers,
                                const std::vector<std::size_t>& pitches, std::size_t slice) {
  WorkerMemory memory;
  std::size_t scratch = 0;
  for (std::size_t i = 0; i < pitches.size(); ++i) {
    memory.activations.emplace_back(slice * pitches[i]);
    memory.gradients.emplace_back(i ? slice * pitches[i] : 0);
  }
  for (const auto& layer : layers) {
    memory.kept.emplace_back(layer->kept_floats(slice));
    scratch = std::max(scratch, layer->scratch_floats(slice));
  }
  memory.scratch = Buffer(scratch);
  memory.labels.resize(slice);
  memory.indices.resize(slice);
  return memory;
}

BatchMemory make_batch_memory(const std::vector<std::unique_ptr<Layer>>& layers,
                              const std::vector<std::size_t>& pitches, std::size_t samples, std::size_t slices,
                              std::size_t groups) {
  BatchMemory memory;
  memory.samples = samples;
  memory.groups = groups;
  for (std::size_t i = 0; i < pitches.size(); ++i) {
    const bool consumer = i < layers.size() && layers[i]->gradient_floats() == 0;
    const bool producer = i > 0 && layers[i - 1]->gradient_floats() == 0;
    memory.activations.emplace_back(consumer ? samples * pitches[i] : 0);
    memory.gradients.emplace_back(producer ? samples * pitches[i] : 0);
  }
  for (const auto& layer : layers) {
    memory.gradient_at.push_back(memory.gradient_pitch);
    memory.gradient_pitch += round_up(layer->gradient_floats(), row_multiple);
  }
  memory.parameter_gradients = Buffer(groups * memory.gradient_pitch);
  memory.sums.resize(slices);
  return memory;
}

namespace {
std::size_t sum(const std::vector<Buffer>& buffers) {
  std::size_t total = 0;
  for (const auto& buffer : buffers) total += buffer.bytes();
  return total;
}
}  // namespace

std::size_t bytes(const WorkerMemory& m) {
  return sum(m.activations) + sum(m.gradients) + sum(m.kept) + m.scratch.bytes() + m.labels.capacity();
}

std::size_t bytes(const BatchMemory& m) {
  return sum(m.activations) + sum(m.gradients) + m.parameter_gradients.bytes() +
         m.sums.capacity() * sizeof(SoftmaxSums);
}

}  // namespace sidestep::kernels::cpu
