#pragma once

/// Control: everything in <sidestep/trainer/control/...>, and what it stands on.

#include <sidestep/operators.hpp>
#include <sidestep/trainer/control/atomic_file.hpp>
#include <sidestep/trainer/control/callback.hpp>
#include <sidestep/trainer/control/checkpoint.hpp>
#include <sidestep/trainer/control/control.hpp>
#include <sidestep/trainer/control/decide.hpp>
#include <sidestep/trainer/control/loop.hpp>
#include <sidestep/trainer/control/report.hpp>
#include <sidestep/trainer/control/safetensors.hpp>
