#include <algorithm>
#include <cstring>

#include <sidestep/kernels/cpu/hand_layers.hpp>
#include <sidestep/kernels/cpu/lists.hpp>

namespace sidestep::kernels::cpu {
namespace {

/// Own layout: weights [filters][5][5][channels], then biases [filters]. With few channels the forward pass wants the
/// weights turned, [5][5][channels][filters]; with many, transformed for Winograd: both are derived after each update.
class HandConvolution final : public Layer {
 public:
  HandConvolution(const Convolution& layer, const Shape& input, const HandKernels& kernels)
      : shape_{input.channels, input.height, input.width, layer.filters},
        kernels_(kernels),
        winograd_(hand_convolution_is_winograd(input)),
        derived_((winograd_ ? 36 : 25) * input.channels * layer.filters) {}

  std::size_t parameter_floats() const override { return weight_floats() + shape_.filters; }
  std::size_t gradient_floats() const override { return parameter_floats(); }
  bool keeps() const override { return true; }
  std::size_t kept_floats(std::size_t samples) const override {
    return samples * round_up(pooled(), block) / sizeof(float);
  }
  std::size_t scratch_floats(std::size_t) const override {
    const auto forward = round_up(padded(), block) + winograd_floats();
    const auto backward = 2 * round_up(padded(), block) + list_floats();
    return std::max(forward, backward);
  }
  std::size_t update_scratch_floats(std::size_t) const override { return 55 * block; }

  void import_tensor(int tensor, std::span<const float> values, float* own) const override {
    if (tensor == 1)
      std::copy(values.begin(), values.end(), own + weight_floats());
    else
      for (std::size_t i = 0; i < values.size(); ++i) own[place(i)] = values[i];
  }
  void export_tensor(int tensor, const float* own, std::span<float> values) const override {
    if (tensor == 1)
      std::copy_n(own + weight_floats(), shape_.filters, values.begin());
    else
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = own[place(i)];
  }

  void refresh(const float* weights) override {
    Buffer scratch(update_scratch_floats(0));
    for (std::size_t b = 0; b < shape_.filters / block; ++b) derive(b, weights, scratch.data());
  }

  void forward(const Slice& s, const float* weights, bool) override {
    const float* bias = weights + weight_floats();
    float* in = s.scratch;
    float* work = in + round_up(padded(), block);
    for (std::size_t i = 0; i < s.samples; ++i) {
      pad(shape_, s.input + i * row_pitch(input_floats()), in);
      float* out = s.output + i * row_pitch(pooled());
      if (winograd_)
        kernels_.winograd_forward(shape_, in, derived_.data(), bias, out, choices(s, i), work);
      else
        kernels_.direct_forward(shape_, in, derived_.data(), bias, out, choices(s, i));
    }
  }

  void backward(const Slice& s, const float* weights) override {
    float* in = s.scratch;
    float* gradient = in + round_up(padded(), block);
    Lists lists(shape_, gradient + round_up(padded(), block));
    for (std::size_t i = 0; i < s.samples; ++i) {
      const float* from = s.output_gradient + i * row_pitch(pooled());
      pad(shape_, s.input + i * row_pitch(input_floats()), in);
      float* bias_gradient = s.gradient + weight_floats();
      lists.build_by_filter(from, choices(s, i));
      if (winograd_)
        kernels_.sparse_weight_gradient(shape_, in, lists.by_filter, lists.filter_counts, s.gradient, bias_gradient);
      else
        kernels_.direct_weight_gradient(shape_, in, lists.by_filter, lists.filter_counts, s.gradient, bias_gradient);
      if (!s.input_gradient) continue;
      lists.build_by_window(from, choices(s, i));
      std::fill_n(gradient, padded(), 0.0f);
      kernels_.sparse_data_gradient(shape_, weights, lists.by_window, lists.window_counts, gradient);
      unpad(shape_, gradient, s.input_gradient + i * row_pitch(input_floats()));
    }
  }

  std::size_t update_tasks() const override { return shape_.filters / block; }
  void update(std::size_t task, const Batch& b, const Update& update, const ParameterMemory& p) override {
    const auto a_filter = 25 * shape_.channels;
    step(update, b, p, task * block * a_filter, block * a_filter);
    step(update, b, p, weight_floats() + task * block, block);
    derive(task, p.weights, b.scratch);
  }

 private:
  std::size_t weight_floats() const { return shape_.filters * 25 * shape_.channels; }
  std::size_t input_floats() const { return shape_.channels * shape_.height * shape_.width; }
  std::size_t pooled() const { return shape_.filters * shape_.height * shape_.width / 4; }
  /// A row of the kernel is read in whole vectors, past the end of the last row.
  std::size_t padded() const { return (shape_.height + 4) * (shape_.width + 4) * shape_.channels + block; }
  std::size_t winograd_floats() const { return winograd_ ? winograd_scratch_floats(shape_) : 0; }
  std::size_t list_floats() const { return Lists::floats(shape_); }
  std::uint8_t* choices(const Slice& s, std::size_t sample) const {
    return reinterpret_cast<std::uint8_t*>(s.kept) + sample * round_up(pooled(), block);
  }
  /// From the element's place in [filters][channels][5][5] to that in [filters][5][5][channels].
  std::size_t place(std::size_t i) const {
    const auto tap = i % 25, channel = i / 25 % shape_.channels, filter = i / 25 / shape_.channels;
    return (filter * 25 + tap) * shape_.channels + channel;
  }

  void step(const Update& update, const Batch& b, const ParameterMemory& p, std::size_t at, std::size_t n) const {
    kernels_.update(update, b.gradients + at, b.gradient_pitch, b.slices, p.weights + at, p.first + at,
                    p.second ? p.second + at : nullptr, n);
  }

  void derive(std::size_t filter_block, const float* weights, float* scratch) {
    if (winograd_) {
      kernels_.winograd_weights(shape_, weights, derived_.data(), filter_block, scratch);
      return;
    }
    const auto a_filter = 25 * shape_.channels;
    for (std::size_t f = filter_block * block; f < (filter_block + 1) * block; ++f)
      for (std::size_t i = 0; i < a_filter; ++i) derived_.data()[i * shape_.filters + f] = weights[f * a_filter + i];
  }

  ConvolutionShape shape_;
  const HandKernels& kernels_;
  bool winograd_;
  Buffer derived_;
};

}  // namespace

bool hand_convolution_serves(const Convolution& layer, const Shape& input, bool first) {
  if (layer.kernel != 5 || layer.filters % block != 0 || layer.filters > 4080) return false;  // 4080: see lists.cpp
  return input.channels % block == 0 || (first && input.channels <= 3);
}

bool hand_convolution_is_winograd(const Shape& input) { return input.channels % block == 0; }

std::unique_ptr<Layer> make_hand_convolution(const Convolution& layer, const Shape& input, const HandKernels& kernels) {
  return std::make_unique<HandConvolution>(layer, input, kernels);
}

}  // namespace sidestep::kernels::cpu
