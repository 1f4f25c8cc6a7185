#pragma once

/// Everything of Sidestep: the trainer with models and data, and all that it stands on.

#include <sidestep/bus.hpp>
#include <sidestep/callbacks.hpp>
#include <sidestep/control.hpp>
#include <sidestep/operators.hpp>
#include <sidestep/trainer/data/dataset.hpp>
#include <sidestep/trainer/models/model.hpp>
#include <sidestep/trainer/trainer.hpp>
#include <sidestep/trainer/version.hpp>
