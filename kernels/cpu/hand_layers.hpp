#pragma once

#include <memory>

#include <sidestep/kernels/cpu/hand/table.hpp>
#include <sidestep/kernels/cpu/layer.hpp>
#include <sidestep/kernels/network.hpp>

namespace sidestep::kernels::cpu {

/// Layers computed by the hand-written kernels.
std::unique_ptr<Layer> make_hand_convolution(const Convolution& layer, const Shape& input, const HandKernels& kernels);
std::unique_ptr<Layer> make_hand_dense(const Dense& layer, const Shape& input, const HandKernels& kernels);

/// True if make_hand_convolution serves this shape: 5x5, filters a multiple of 16, channels 1 to 3 for a first layer
/// (whose input gradient nobody wants), or a multiple of 16. make_hand_dense serves every shape.
bool hand_convolution_serves(const Convolution& layer, const Shape& input, bool first);

/// True if it computes its forward pass by Winograd's transform, not by the direct sum.
bool hand_convolution_is_winograd(const Shape& input);

}  // namespace sidestep::kernels::cpu
