#pragma once

#include <cstdint>
#include <memory>

#include <sidestep/kernels/cpu/layer.hpp>
#include <sidestep/kernels/cpu/norm_kernels.hpp>
#include <sidestep/kernels/network.hpp>

namespace sidestep::kernels::cpu {

/// Batch normalisation of its input, plus `second` if the slice has one, then ReLU if asked for. Tensors: weight, bias,
/// running mean, running variance. Formulas: network.hpp. The gradient of the input may lie where that of the output
/// lies.
std::unique_ptr<Layer> make_normalisation(const Shape& shape, bool relu, const NormKernels& kernels);

/// The mean of each channel. No tensors.
std::unique_ptr<Layer> make_average_pool(const Shape& input);

/// Dropout of layer `index` of the network; kernels/dropout.hpp. No tensors.
std::unique_ptr<Layer> make_dropout(const Dropout& layer, const Shape& shape, std::uint32_t index, std::uint64_t seed);

}  // namespace sidestep::kernels::cpu
