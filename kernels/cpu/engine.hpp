#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <sidestep/kernels/cpu/memory.hpp>
#include <sidestep/kernels/cpu/program.hpp>
#include <sidestep/kernels/cpu/softmax.hpp>
#include <sidestep/kernels/cpu/state.hpp>
#include <sidestep/kernels/cpu/workers.hpp>
#include <sidestep/kernels/session.hpp>

namespace sidestep::kernels::cpu {

/// Runs a program over batches. A batch is cut into slices of fixed size; a slice goes through a phase as one task.
/// Slices have gradient buffers of their own, which the update adds in order; so no result depends on which worker did
/// what. A batch of more than max_groups slices puts neighbours into one group, which shares a buffer and is one task:
/// the batch alone decides that.
class Engine {
 public:
  /// `state` is that of the program's operations. `slice` > 0.
  Engine(const NetworkSpec& spec, Program& program, State& state, int threads, std::size_t slice);

  int workers() const { return workers_.count(); }

  /// One training step on samples that exist.
  StepRecord train(const DatasetView& data, std::span<const std::uint32_t> indices, const StepInput& input,
                   const Optimizer& optimizer);
  /// Samples [first, first + count), which exist.
  Evaluation evaluate(const DatasetView& data, std::size_t first, std::size_t count);

  /// The weights were written.
  void refresh();
  /// Gives back working memory; returns bytes.
  std::size_t release();

 private:
  static constexpr std::size_t max_groups = 64;

  /// A slice on its way: which samples, and where they stand in the batch.
  struct Part {
    const DatasetView& data;
    std::span<const std::uint32_t> indices;
    std::size_t number;  ///< of the slice
    std::size_t row;     ///< of its first sample in the batch
    int worker;
    bool training;
    std::uint32_t step;
    float* parameter_gradients;
  };

  /// Makes what slices of these sizes need, if it is not there yet.
  void prepare(std::size_t samples);
  void prepare_batch(std::size_t samples);

  void run(const Step& step, const Part& part);
  void load(const Part& part);
  SoftmaxSums loss(const Part& part);
  Slice slice_of(const Operation& operation, std::size_t index, const Part& part);
  void conclude(const std::vector<Step>& phase, std::size_t slices);
  void update(std::size_t samples, std::size_t groups, const Update& update);

  float* rows(std::size_t value, const Part& part);
  float* gradient(std::size_t value, const Part& part);
  WorkerMemory& memory(const Part& part) { return worker_memory_[static_cast<std::size_t>(part.worker)]; }

  const NetworkSpec& spec_;
  Program& program_;
  State& state_;
  Workers workers_;
  std::size_t slice_;
  std::size_t classes_;
  std::vector<WorkerMemory> worker_memory_;
  std::vector<Buffer> update_scratch_;                             ///< one a worker
  std::vector<std::pair<std::size_t, std::size_t>> update_tasks_;  ///< operation and its task
  BatchMemory batch_;
  std::size_t batch_size_ = 0;  ///< of the step under way
  std::vector<SoftmaxSums> evaluated_;
};

}  // namespace sidestep::kernels::cpu
