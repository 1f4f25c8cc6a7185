#pragma once

#include <sidestep/bus/event.hpp>

/// The events of a training run. Steps and epochs begin at 1; `step` is the step that the event follows (0 before the first).
/// Losses are in the loss function's unit (nats for cross-entropy), accuracies in [0, 1], times in seconds.
namespace sidestep {

#define SIDESTEP_EVENT(NUMBER, NAME)      \
  static constexpr EventId id = NUMBER;   \
  static constexpr std::string_view name = NAME

/// The run begins. `resumed`: it goes on from a checkpoint, so callbacks don't reset and loggers don't write it.
struct FitBegin {
  SIDESTEP_EVENT(1, "FitBegin");
  Step step;
  Step steps_per_epoch;
  Step last_step;  ///< the step at which the run will end if nobody stops it
  Epoch epoch;     ///< the epoch that begins or goes on
  Epoch epochs;
  bool resumed;
  void fields(auto&& f) const { f("step", step), f("epoch", epoch), f("epochs", epochs), f("steps_per_epoch", steps_per_epoch); }
};

struct FitEnd {
  SIDESTEP_EVENT(2, "FitEnd");
  Step step;
  Epoch epoch;
  bool stopped;  ///< by a decision, before its time
  void fields(auto&& f) const { f("step", step), f("epoch", epoch), f("stopped", stopped); }
};

struct EpochBegin {
  SIDESTEP_EVENT(3, "EpochBegin");
  Step step;
  Epoch epoch;
  std::int32_t batches;
  void fields(auto&& f) const { f("step", step), f("epoch", epoch), f("batches", batches); }
};

/// The last event of an epoch, behind its validation and its `train/*` and `val/*` metrics.
struct EpochEnd {
  SIDESTEP_EVENT(4, "EpochEnd");
  Step step;
  double seconds;  ///< of training steps, boundaries included, validation excluded
  std::int64_t samples;
  std::int64_t waited_ns;  ///< of `seconds`, how long the loop stood at boundaries
  Epoch epoch;
  bool partial;  ///< cut short: whatever monitors a metric ignores this epoch
  void fields(auto&& f) const {
    f("step", step), f("epoch", epoch), f("partial", partial), f("samples", samples), f("seconds", seconds);
    f("samples_per_second", seconds > 0 ? static_cast<double>(samples) / seconds : 0.0), f("waited_ns", waited_ns);
  }
};

struct BatchBegin {
  SIDESTEP_EVENT(5, "BatchBegin");
  Step step;
  Epoch epoch;
  std::int32_t batch;  ///< within the epoch, from 1
  void fields(auto&& f) const { f("step", step), f("epoch", epoch), f("batch", batch); }
};

/// The last event of a step, behind its `batch/*` metrics.
struct BatchEnd {
  SIDESTEP_EVENT(6, "BatchEnd");
  Step step;
  double loss;  ///< mean over the batch
  double learning_rate;
  float accuracy;
  Epoch epoch;
  std::int32_t batch;
  std::int32_t samples;
  void fields(auto&& f) const {
    f("step", step), f("epoch", epoch), f("batch", batch), f("samples", samples), f("loss", loss);
    f("accuracy", accuracy), f("learning_rate", learning_rate);
  }
};

struct ValidationBegin {
  SIDESTEP_EVENT(7, "ValidationBegin");
  Step step;
  Epoch epoch;
  std::int32_t samples;
  void fields(auto&& f) const { f("step", step), f("epoch", epoch), f("samples", samples); }
};

struct ValidationEnd {
  SIDESTEP_EVENT(8, "ValidationEnd");
  Step step;
  double loss;
  double accuracy;
  double seconds;
  Epoch epoch;
  std::int32_t samples;
  void fields(auto&& f) const {
    f("step", step), f("epoch", epoch), f("samples", samples), f("loss", loss), f("accuracy", accuracy), f("seconds", seconds);
  }
};

struct TestEnd {
  SIDESTEP_EVENT(9, "TestEnd");
  Step step;
  double loss;
  double accuracy;
  std::int64_t samples;
  void fields(auto&& f) const { f("step", step), f("samples", samples), f("loss", loss), f("accuracy", accuracy); }
};

/// One number by name: batch/loss, batch/accuracy, train/loss, train/accuracy, val/loss, val/accuracy, lr, and whatever a user publishes.
struct Metric {
  SIDESTEP_EVENT(10, "Metric");
  Step step;
  double value;
  Name metric;
  Epoch epoch;
  void fields(auto&& f) const { f("step", step), f("epoch", epoch), f("metric", metric), f("value", value); }
};

/// A checkpoint was cut here: each stateful pipeline hands over its state as of this point of the stream.
struct Barrier {
  SIDESTEP_EVENT(11, "Barrier");
  Step step;
  std::uint64_t cut;
  void fields(auto&& f) const { f("step", step); }
};

/// A checkpoint is complete, under this name, on disk.
struct CheckpointSaved {
  SIDESTEP_EVENT(12, "CheckpointSaved");
  Step step;        ///< of the weights
  Step cause_step;  ///< of the event that asked for it
  std::int64_t bytes;
  double seconds;  ///< from the cut until it was visible
  Name file;
  void fields(auto&& f) const {
    f("step", step), f("cause_step", cause_step), f("file", file), f("bytes", bytes), f("seconds", seconds);
  }
};

/// The run goes on from a checkpoint: each stateful pipeline loads its state at this point of the stream.
struct CheckpointLoaded {
  SIDESTEP_EVENT(13, "CheckpointLoaded");
  Step step;
  Name file;
  void fields(auto&& f) const { f("step", step), f("file", file); }
};

struct DecisionApplied {
  SIDESTEP_EVENT(14, "DecisionApplied");
  Step cause_step;    ///< -1: asked from outside, without a cause in the stream
  Step applied_step;  ///< acts from the next step on
  double value;
  double learning_rate;  ///< after it was applied
  Name decision;
  Name by;
  void fields(auto&& f) const {
    f("decision", decision), f("by", by), f("cause_step", cause_step), f("applied_step", applied_step);
    f("value", value), f("learning_rate", learning_rate);
  }
};

struct DecisionRefused {
  SIDESTEP_EVENT(15, "DecisionRefused");
  Step cause_step;
  Step step;
  Name decision;
  Name by;
  Name why;
  void fields(auto&& f) const { f("decision", decision), f("by", by), f("cause_step", cause_step), f("step", step), f("why", why); }
};

/// A pipeline threw, hung beyond its deadline, or was ended by an error; training goes on without it.
struct PipelineFailed {
  SIDESTEP_EVENT(16, "PipelineFailed");
  Sequence number;  ///< of the event in its ring
  Name pipeline;
  Name error;
  void fields(auto&& f) const { f("pipeline", pipeline), f("error", error); }
};

/// The training loop itself threw; the run ends behind this.
struct ExceptionRaised {
  SIDESTEP_EVENT(17, "ExceptionRaised");
  Step step;
  Name what;
  void fields(auto&& f) const { f("step", step), f("what", what); }
};

/// ReleaseMemory gave back scratch memory.
struct MemoryReleased {
  SIDESTEP_EVENT(18, "MemoryReleased");
  Step step;
  std::int64_t bytes_released;
  void fields(auto&& f) const { f("step", step), f("bytes_released", bytes_released); }
};

#undef SIDESTEP_EVENT

}  // namespace sidestep
