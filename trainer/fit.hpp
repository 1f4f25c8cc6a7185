#pragma once
#include <span>

#include <sidestep/trainer/trainer_parts.hpp>

namespace sidestep::detail {

/// One run of a Trainer. See Trainer::fit.
TrainingReport fit(TrainerParts& parts, Bus& bus, Control& control, std::span<const Callback> callbacks,
                   const FitOptions& where);

}  // namespace sidestep::detail
