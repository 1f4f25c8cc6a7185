#include <sidestep/kernels/cpu/memory.hpp>

#include <algorithm>

namespace sidestep::kernels::cpu {

WorkerMemory make_worker_memory(const Program& program, std::size_t slice) {
  WorkerMemory memory;
  std::size_t scratch = 0;
  for (std::size_t v = 0; v < program.values.size(); ++v) {
    const auto& value = program.values[v];
    memory.activations.emplace_back(slice * value.pitch());
    memory.gradients.emplace_back(v > 0 && value.gradient == v && !value.shared_gradient ? slice * value.pitch() : 0);
  }
  for (const auto& operation : program.operations) {
    memory.kept.emplace_back(operation.layer->kept_floats(slice));
    scratch = std::max(scratch, operation.layer->scratch_floats(slice));
  }
  memory.scratch = Buffer(scratch);
  memory.labels.resize(slice);
  memory.indices.resize(slice);
  return memory;
}

BatchMemory make_batch_memory(const Program& program, std::size_t samples, std::size_t slices, std::size_t groups) {
  BatchMemory memory;
  memory.samples = samples;
  memory.groups = groups;
  for (std::size_t v = 0; v < program.values.size(); ++v) {
    const auto& value = program.values[v];
    memory.activations.emplace_back(value.shared_rows ? samples * value.pitch() : 0);
    memory.gradients.emplace_back(v > 0 && value.gradient == v && value.shared_gradient ? samples * value.pitch() : 0);
  }
  for (const auto& operation : program.operations) {
    memory.gradient_at.push_back(memory.gradient_pitch);
    memory.gradient_pitch += round_up(operation.layer->gradient_floats(), row_multiple);
    memory.measured.emplace_back(operation.layer->sums() * slices);
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
  std::size_t measured = 0;
  for (const auto& numbers : m.measured) measured += numbers.capacity() * sizeof(double);
  return sum(m.activations) + sum(m.gradients) + m.parameter_gradients.bytes() + measured +
         m.sums.capacity() * sizeof(SoftmaxSums);
}

}  // namespace sidestep::kernels::cpu
