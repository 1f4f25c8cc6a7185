#pragma once

#include <cstddef>
#include <cstdint>

#include <sidestep/kernels/cpu/update.hpp>
#include <sidestep/kernels/optimizer.hpp>

namespace sidestep::kernels::cpu {

/// The numbers of step t (counted from 1).
Update update_numbers(const Optimizer& optimizer, double learning_rate, std::uint64_t step);

/// One step over n parameters, plain code for any CPU.
void apply_update(const Update& update, const float* gradient, float* weights, float* first, float* second,
                  std::size_t n);

}  // namespace sidestep::kernels::cpu
