#pragma once

#include <cstddef>
#include <memory>

#include <sidestep/kernels/cpu/layer.hpp>
#include <sidestep/kernels/network.hpp>

namespace sidestep::kernels::cpu {

/// The convolution of a NormalisedConvolution or of a Residual, by itself.
struct LinearConvolution {
  std::size_t filters = 1, kernel = 3, stride = 1;
};

/// Layers that oneDNN computes: any shape, any CPU. `input` is the layer's input shape.
std::unique_ptr<Layer> make_onednn_convolution(const Convolution& layer, const Shape& input);
std::unique_ptr<Layer> make_onednn_dense(const Dense& layer, const Shape& input);

std::unique_ptr<Layer> make_onednn_linear_convolution(const LinearConvolution& layer, const Shape& input);

/// One thread for oneDNN on the calling thread. It fixes a primitive's threads when the primitive is made and looks
/// again when it runs, so this comes before both; our parallelism is the slices.
void single_threaded_onednn();

}  // namespace sidestep::kernels::cpu
