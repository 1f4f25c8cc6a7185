#pragma once
#include <string>

#include <sidestep/trainer/training_report.hpp>

namespace sidestep {

/// What `sidestep train` says at its end, from the report: what each callback did and cost, the bus' account, the cost
/// of publishing and of boundaries, decisions with cause and effect, what was refused or can't be repeated. 80 columns
/// where names allow.
std::string summary(const TrainingReport& report);

}  // namespace sidestep
