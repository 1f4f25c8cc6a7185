#pragma once

#include <sidestep/bus/event.hpp>

/// The events of a training run. Steps and epochs begin at 1; `step` is the step that the event follows (0 before the
/// first). Losses are in the loss function's unit (nats for cross-entropy), accuracies in [0, 1], times in seconds. One
/// with a Name has a state(archive), for operators that keep whole events: a name is saved as its text.
namespace sidestep {

#define SIDESTEP_ID_AND_NAME(NUMBER, NAME) \
  static constexpr EventId id = NUMBER;    \
  static constexpr std::string_view name = NAME

/// The run begins. `resumed`: it goes on from a checkpoint, so callbacks don't reset and loggers don't write it.
struct FitBegin {
  SIDESTEP_ID_AND_NAME(1, "FitBegin");
  Step step = 0;
  Step steps_per_epoch = 0;
  Step last_step = 0;  ///< the step at which the run will end if nobody stops it
  Epoch epoch = 0;     ///< the epoch that begins or goes on
  Epoch epochs = 0;
  bool resumed = false;
  void fields(auto&& f) const {
    f("step", step), f("epoch", epoch), f("epochs", epochs), f("steps_per_epoch", steps_per_epoch);
  }
};

struct FitEnd {
  SIDESTEP_ID_AND_NAME(2, "FitEnd");
  Step step = 0;
  Epoch epoch = 0;
  bool stopped = false;  ///< by a decision, before its time
  void fields(auto&& f) const { f("step", step), f("epoch", epoch), f("stopped", stopped); }
};

struct EpochBegin {
  SIDESTEP_ID_AND_NAME(3, "EpochBegin");
  Step step = 0;
  Epoch epoch = 0;
  std::int32_t batches = 0;
  void fields(auto&& f) const { f("step", step), f("epoch", epoch), f("batches", batches); }
};

/// The last event of an epoch, behind its validation and its `train/*` and `val/*` metrics.
struct EpochEnd {
  SIDESTEP_ID_AND_NAME(4, "EpochEnd");
  Step step = 0;
  double seconds = 0;  ///< of training steps, boundaries included, validation excluded
  std::int64_t samples = 0;
  std::int64_t waited_ns = 0;  ///< of `seconds`, how long the loop stood at boundaries
  Epoch epoch = 0;
  bool partial = false;  ///< cut short: whatever monitors a metric ignores this epoch
  void fields(auto&& f) const {
    f("step", step), f("epoch", epoch), f("partial", partial), f("samples", samples), f("seconds", seconds);
    f("samples_per_second", seconds > 0 ? static_cast<double>(samples) / seconds : 0.0), f("waited_ns", waited_ns);
  }
};

struct BatchBegin {
  SIDESTEP_ID_AND_NAME(5, "BatchBegin");
  static constexpr bool self_contained = true;
  Step step = 0;
  Epoch epoch = 0;
  std::int32_t batch = 0;  ///< within the epoch, from 1
  void fields(auto&& f) const { f("step", step), f("epoch", epoch), f("batch", batch); }
};

/// The last event of a step, behind its `batch/*` metrics.
struct BatchEnd {
  SIDESTEP_ID_AND_NAME(6, "BatchEnd");
  static constexpr bool self_contained = true;
  Step step = 0;
  double loss = 0;  ///< mean over the batch
  double learning_rate = 0;
  float accuracy = 0;
  Epoch epoch = 0;
  std::int32_t batch = 0;
  std::int32_t samples = 0;
  void fields(auto&& f) const {
    f("step", step), f("epoch", epoch), f("batch", batch), f("samples", samples), f("loss", loss);
    f("accuracy", accuracy), f("learning_rate", learning_rate);
  }
};

struct ValidationBegin {
  SIDESTEP_ID_AND_NAME(7, "ValidationBegin");
  Step step = 0;
  Epoch epoch = 0;
  std::int32_t samples = 0;
  void fields(auto&& f) const { f("step", step), f("epoch", epoch), f("samples", samples); }
};

struct ValidationEnd {
  SIDESTEP_ID_AND_NAME(8, "ValidationEnd");
  Step step = 0;
  double loss = 0;
  double accuracy = 0;
  double seconds = 0;
  Epoch epoch = 0;
  std::int32_t samples = 0;
  void fields(auto&& f) const {
    f("step", step), f("epoch", epoch), f("samples", samples), f("loss", loss), f("accuracy", accuracy),
        f("seconds", seconds);
  }
};

struct TestEnd {
  SIDESTEP_ID_AND_NAME(9, "TestEnd");
  Step step = 0;
  double loss = 0;
  double accuracy = 0;
  std::int64_t samples = 0;
  void fields(auto&& f) const { f("step", step), f("samples", samples), f("loss", loss), f("accuracy", accuracy); }
};

/// One number by name: batch/loss, batch/accuracy, train/loss, train/accuracy, val/loss, val/accuracy, lr, and whatever
/// a user publishes.
struct Metric {
  SIDESTEP_ID_AND_NAME(10, "Metric");
  static constexpr bool self_contained = true;
  Step step = 0;
  double value = 0;
  Name metric{};
  Epoch epoch = 0;
  void fields(auto&& f) const { f("step", step), f("epoch", epoch), f("metric", metric), f("value", value); }
  void state(auto& archive) { archive(step, value, metric, epoch); }
};

/// A checkpoint was cut here: each stateful pipeline hands over its state as of this point of the stream.
struct Barrier {
  SIDESTEP_ID_AND_NAME(11, "Barrier");
  Step step = 0;
  std::uint64_t cut = 0;
  void fields(auto&& f) const { f("step", step); }
};

/// A checkpoint is complete, under this name, on disk.
struct CheckpointSaved {
  SIDESTEP_ID_AND_NAME(12, "CheckpointSaved");
  Step step = 0;        ///< of the weights
  Step cause_step = 0;  ///< of the event that asked for it
  std::int64_t bytes = 0;
  double seconds = 0;  ///< from the cut until it was visible
  Name file{};
  void fields(auto&& f) const {
    f("step", step), f("cause_step", cause_step), f("file", file), f("bytes", bytes), f("seconds", seconds);
  }
  void state(auto& archive) { archive(step, cause_step, bytes, seconds, file); }
};

/// The run goes on from a checkpoint: each stateful pipeline loads its state at this point of the stream.
struct CheckpointLoaded {
  SIDESTEP_ID_AND_NAME(13, "CheckpointLoaded");
  Step step = 0;
  Name file{};
  void fields(auto&& f) const { f("step", step), f("file", file); }
  void state(auto& archive) { archive(step, file); }
};

struct DecisionApplied {
  SIDESTEP_ID_AND_NAME(14, "DecisionApplied");
  Step cause_step = 0;    ///< -1: asked from outside, without a cause in the stream
  Step applied_step = 0;  ///< acts from the next step on
  double value = 0;
  double learning_rate = 0;  ///< after it was applied
  Name decision{};
  Name by{};
  void fields(auto&& f) const {
    f("decision", decision), f("by", by), f("cause_step", cause_step), f("applied_step", applied_step);
    f("value", value), f("learning_rate", learning_rate);
  }
  void state(auto& archive) { archive(cause_step, applied_step, value, learning_rate, decision, by); }
};

struct DecisionRefused {
  SIDESTEP_ID_AND_NAME(15, "DecisionRefused");
  Step cause_step = 0;
  Step step = 0;
  Name decision{};
  Name by{};
  Name why{};
  void fields(auto&& f) const {
    f("decision", decision), f("by", by), f("cause_step", cause_step), f("step", step), f("why", why);
  }
  void state(auto& archive) { archive(cause_step, step, decision, by, why); }
};

/// A pipeline threw, hung beyond its deadline, or was ended by an error; training goes on without it.
struct PipelineFailed {
  SIDESTEP_ID_AND_NAME(16, "PipelineFailed");
  Sequence number = 0;  ///< of the event in its ring
  Name pipeline{};
  Name error{};
  void fields(auto&& f) const { f("pipeline", pipeline), f("error", error); }
  void state(auto& archive) { archive(number, pipeline, error); }
};

/// The training loop itself threw; the run ends behind this.
struct ExceptionRaised {
  SIDESTEP_ID_AND_NAME(17, "ExceptionRaised");
  Step step = 0;
  Name what{};
  void fields(auto&& f) const { f("step", step), f("what", what); }
  void state(auto& archive) { archive(step, what); }
};

/// ReleaseMemory gave back scratch memory.
struct MemoryReleased {
  SIDESTEP_ID_AND_NAME(18, "MemoryReleased");
  Step step = 0;
  std::int64_t bytes_released = 0;
  void fields(auto&& f) const { f("step", step), f("bytes_released", bytes_released); }
};

/// A recording (Bus::record) came to an end before its time: its disk is full, or gone. Nothing else is affected.
struct LogStopped {
  SIDESTEP_ID_AND_NAME(19, "LogStopped");
  std::int64_t events = 0;  ///< that are in the log
  Name file{};
  Name why{};
  void fields(auto&& f) const { f("events", events), f("file", file), f("why", why); }
  void state(auto& archive) { archive(events, file, why); }
};

#undef SIDESTEP_ID_AND_NAME

}  // namespace sidestep
