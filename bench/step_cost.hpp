#pragma once

#include <cstddef>
#include <variant>

#include <sidestep/kernels/cuda_backend.hpp>
#include <sidestep/kernels/network.hpp>
#include <sidestep/kernels/optimizer.hpp>

// What a training step must compute and move, from the network's description alone, and what a device can do at most.

namespace sidestep::bench {

struct StepCost {
  double flops = 0;  ///< of convolutions and products, a multiplication and an addition counted as two
  double bytes = 0;  ///< read and written, as if each kernel fetched its operands anew
};

namespace detail {

/// A step is added up layer by layer. Sizes are values of four bytes; all but weights count a sample.
///
///   product (convolution, dense layer) of inputs a, outputs c, weights w, k multiplications an output:
///     flops   2 k c forward, as many for the weights' gradient, and as many for the input's unless it is the data
///     values  a + c and w for each of these
///   a value's other ways: bias and ReLU 2 forward and 3 backward, 2x2 pooling as the kernels read and write it, batch
///     normalisation 3 forward and 5 backward (its inputs are read twice: first for their statistics), sums of two 3
class Counter {
 public:
  Counter(const kernels::NetworkSpec& spec, std::size_t batch) : batch_(static_cast<double>(batch)) {
    values(static_cast<double>(spec.input.size()) * 1.25);  // read as bytes, written as floats
    kernels::Shape in = spec.input;
    const auto shapes = kernels::output_shapes(spec);
    for (std::size_t i = 0; i < spec.layers.size(); ++i) {
      std::visit([&](const auto& layer) { add(layer, in, shapes[i]); }, spec.layers[i]);
      in = shapes[i];
    }
  }

  StepCost cost;

 private:
  void values(double a_sample) { cost.bytes += 4 * batch_ * a_sample; }

  void product(double a, double c, double w, double k) {
    const int times = first_ ? 2 : 3;
    first_ = false;
    cost.flops += times * 2 * k * c * batch_;
    values(times * (a + c));
    cost.bytes += 4 * times * w;
  }

  void convolution(const kernels::Shape& in, const kernels::Shape& out, std::size_t kernel) {
    const auto k = static_cast<double>(in.channels * kernel * kernel);
    product(size(in), size(out), k * static_cast<double>(out.channels), k);
  }
  void norm(const kernels::Shape& out) { values(8 * size(out)); }
  void relu(const kernels::Shape& out) { values(5 * size(out)); }

  void add(const kernels::Convolution& layer, const kernels::Shape& in, const kernels::Shape& pooled) {
    const kernels::Shape out{layer.filters, in.height, in.width};
    convolution(in, out, layer.kernel);
    relu(out);  // with the bias
    values(3 * size(out) + 3 * size(pooled));
  }
  void add(const kernels::Dense& layer, const kernels::Shape& in, const kernels::Shape& out) {
    product(size(in), size(out), size(in) * size(out), size(in));  // bias and ReLU are in the product
    values((layer.relu ? 3 : 1) * size(out));
  }
  void add(const kernels::NormalisedConvolution& layer, const kernels::Shape& in, const kernels::Shape& out) {
    convolution(in, out, layer.kernel);
    norm(out);
    if (layer.relu) relu(out);
  }
  void add(const kernels::Residual& layer, const kernels::Shape& in, const kernels::Shape& out) {
    convolution(in, out, 3);
    norm(out);
    relu(out);
    convolution(out, out, 3);
    norm(out);
    if (kernels::has_shortcut(layer, in)) {
      convolution(in, out, 1);
      norm(out);
    }
    values(3 * size(out) + 3 * size(out) + 3 * size(in));  // sum and ReLU, back through it, the two ways' gradients
  }
  void add(const kernels::GlobalAveragePool&, const kernels::Shape& in, const kernels::Shape& out) {
    values(2 * (size(in) + size(out)));
  }
  void add(const kernels::Dropout&, const kernels::Shape& in, const kernels::Shape&) { values(4 * size(in)); }

  static double size(const kernels::Shape& shape) { return static_cast<double>(shape.size()); }

  double batch_;
  bool first_ = true;
};

}  // namespace detail

/// Forward, backward and update. AdamW reads four values a parameter and writes three, SGD three and two; the gradient
/// norm reads one more.
inline StepCost step_cost(const kernels::NetworkSpec& spec, std::size_t batch, const kernels::Optimizer& optimizer) {
  StepCost cost = detail::Counter(spec, batch).cost;
  double trained = 0;
  for (const auto& parameter : kernels::parameters(spec))
    if (parameter.trained) trained += static_cast<double>(parameter.size());
  cost.bytes += 4 * trained * (std::holds_alternative<kernels::AdamW>(optimizer) ? 8 : 6);
  return cost;
}

/// What a device can do at most; 0 where that isn't known.
struct Peaks {
  double fp32 = 0;       ///< FLOP/s
  double tf32 = 0;       ///< FLOP/s of the tensor cores, dense
  double bandwidth = 0;  ///< bytes/s
};

/// From the device's attributes:
///   fp32       multiprocessors x FP32 lanes x 2 x clock
///   tf32       multiprocessors x FLOP a clock of its tensor cores x clock
///   bandwidth  2 x memory clock x bus width / 8: two transfers a clock, which holds for HBM and GDDR as CUDA reports
///   them
/// Lanes and tensor cores' FLOP by compute capability: NVIDIA's architecture papers for A100, GA102, Ada, H100, B200
/// and GB202. An H100 SXM (132 multiprocessors, 1.98 GHz, 2.619 GHz, 5120 bits): 66.9 and 535 TFLOP/s, 3.35 TB/s. The
/// clock is the highest; a device under load may run slower, so a share is rather too low than too high.
inline Peaks peaks(const kernels::CudaStatus& device) {
  double lanes = 128, tensor = 0;
  switch (device.compute_major) {
    case 8:
      lanes = device.compute_minor == 0 ? 64 : 128;
      tensor = device.compute_minor == 0 ? 1024 : 256;
      break;
    case 9:
      tensor = 2048;
      break;
    case 10:
      tensor = 4096;
      break;
    case 12:
      tensor = 256;
      break;
    default:
      break;
  }
  const double clocks = 1e3 * device.multiprocessors * static_cast<double>(device.clock_khz);
  return {.fp32 = clocks * lanes * 2,
          .tf32 = clocks * tensor,
          .bandwidth = 2.0 * 1e3 * device.memory_clock_khz * device.memory_bus_bits / 8};
}

}  // namespace sidestep::bench
