#pragma once

#include <sidestep/bus/events.hpp>
#include <sidestep/trainer/callbacks/entry.hpp>
#include <sidestep/trainer/control/callback.hpp>

#include <functional>

namespace sidestep {

/// A function for each kind of event that you care about.
struct LambdaOptions {
  std::function<void(const FitBegin&)> on_fit_begin{};
  std::function<void(const FitEnd&)> on_fit_end{};
  std::function<void(const EpochBegin&)> on_epoch_begin{};
  std::function<void(const EpochEnd&)> on_epoch_end{};
  std::function<void(const BatchBegin&)> on_batch_begin{};
  std::function<void(const BatchEnd&)> on_batch_end{};
  std::function<void(const ValidationBegin&)> on_validation_begin{};
  std::function<void(const ValidationEnd&)> on_validation_end{};
  std::function<void(const TestEnd&)> on_test_end{};
  std::function<void(const Metric&)> on_metric{};
  std::function<void(const CheckpointSaved&)> on_checkpoint_saved{};
  std::function<void(const CheckpointLoaded&)> on_checkpoint_loaded{};
  std::function<void(const DecisionApplied&)> on_decision_applied{};
  std::function<void(const DecisionRefused&)> on_decision_refused{};
  std::function<void(const PipelineFailed&)> on_pipeline_failed{};
  std::function<void(const ExceptionRaised&)> on_exception_raised{};
  std::function<void(const MemoryReleased&)> on_memory_released{};
};

/// Calls your functions, in the order of the events, one at a time, on a thread where they may take their time. Their
/// state is no part of a checkpoint. After Keras' `LambdaCallback`.
///
///   lambda({.on_epoch_end = [](const EpochEnd& e) { fmt::print("epoch {}\n", e.epoch); }})
Callback lambda(LambdaOptions functions = {});
extern const CallbackEntry lambda_entry;  ///< its row in the registry

}  // namespace sidestep
