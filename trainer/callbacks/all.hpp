#pragma once

/// Callbacks: everything in <sidestep/trainer/callbacks/...>, and what they stand on.

#include <sidestep/control.hpp>
#include <sidestep/trainer/callbacks/csv_logger.hpp>
#include <sidestep/trainer/callbacks/early_stopping.hpp>
#include <sidestep/trainer/callbacks/error.hpp>
#include <sidestep/trainer/callbacks/history.hpp>
#include <sidestep/trainer/callbacks/jsonl_logger.hpp>
#include <sidestep/trainer/callbacks/lambda.hpp>
#include <sidestep/trainer/callbacks/learning_rate_schedule.hpp>
#include <sidestep/trainer/callbacks/memory_release.hpp>
#include <sidestep/trainer/callbacks/model_checkpoint.hpp>
#include <sidestep/trainer/callbacks/monitor.hpp>
#include <sidestep/trainer/callbacks/progress.hpp>
#include <sidestep/trainer/callbacks/reduce_lr_on_plateau.hpp>
#include <sidestep/trainer/callbacks/registry.hpp>
#include <sidestep/trainer/callbacks/terminate_on_nan.hpp>
