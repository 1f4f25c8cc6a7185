#include <algorithm>

#include <sidestep/kernels/cpu/hand_layers.hpp>

namespace sidestep::kernels::cpu {
namespace {

/// Own layout: weights [panel][input][16 units], inputs in NHWC order; then biases [panel][16]. Zeros past the last
/// unit stay zero: their gradients are, since nobody writes a gradient there.
class HandDense final : public Layer {
 public:
  HandDense(const Dense& layer, const Shape& input, const HandKernels& kernels)
      : units_(layer.units), relu_(layer.relu), shape_(input), kernels_(kernels) {}

  std::size_t parameter_floats() const override { return weight_floats() + panels() * block; }
  std::size_t gradient_floats() const override { return 0; }
  bool updates_from_rows() const override { return true; }
  std::size_t kept_floats(std::size_t) const override { return 0; }
  std::size_t scratch_floats(std::size_t) const override { return panels() * block * block + 48 * block; }
  std::size_t update_scratch_floats(std::size_t) const override {
    return panels() * inputs_a_task * block + 128 * block + 128 * inputs_a_task;
  }
  void refresh(const float*) override {}

  void import_tensor(int tensor, std::span<const float> values, float* own) const override {
    if (tensor == 1)
      std::copy(values.begin(), values.end(), own + weight_floats());
    else
      for (std::size_t u = 0; u < units_; ++u)
        for (std::size_t i = 0; i < inputs(); ++i) own[place(u, i)] = values[u * inputs() + i];
  }
  void export_tensor(int tensor, const float* own, std::span<float> values) const override {
    if (tensor == 1)
      std::copy_n(own + weight_floats(), units_, values.begin());
    else
      for (std::size_t u = 0; u < units_; ++u)
        for (std::size_t i = 0; i < inputs(); ++i) values[u * inputs() + i] = own[place(u, i)];
  }

  void forward(const Slice& s, const float* weights, bool) override {
    kernels_.dense_forward(s.samples, inputs(), panels(), s.input, row_pitch(inputs()), weights,
                           weights + weight_floats(), relu_, s.output, row_pitch(units_));
  }

  void backward(const Slice& s, const float* weights) override {
    const auto pitch = row_pitch(units_);
    if (relu_)
      for (std::size_t i = 0; i < s.samples * pitch; ++i)
        s.output_gradient[i] = s.output[i] > 0.0f ? s.output_gradient[i] : 0.0f;
    if (s.input_gradient)
      kernels_.dense_data_gradient(s.samples, inputs(), panels(), s.output_gradient, pitch, weights, s.input_gradient,
                                   row_pitch(inputs()), s.scratch);
  }

  std::size_t update_tasks() const override { return (inputs() + inputs_a_task - 1) / inputs_a_task; }
  void update(std::size_t task, const Batch& b, const Update& update, const ParameterMemory& p) override {
    const auto first = task * inputs_a_task, count = std::min(inputs_a_task, inputs() - first);
    const auto pitch = row_pitch(units_);
    float* gradient = b.scratch;
    kernels_.dense_weight_gradient(b.samples, first, count, panels(), b.input, row_pitch(inputs()), b.output_gradient,
                                   pitch, gradient, gradient + panels() * inputs_a_task * block);
    for (std::size_t panel = 0; panel < panels(); ++panel)
      step(update, gradient + panel * count * block, p, (panel * inputs() + first) * block, count * block);
    if (task > 0) return;
    std::fill_n(gradient, pitch, 0.0f);
    for (std::size_t r = 0; r < b.samples; ++r)
      for (std::size_t u = 0; u < pitch; ++u) gradient[u] += b.output_gradient[r * pitch + u];
    step(update, gradient, p, weight_floats(), pitch);
  }

 private:
  static constexpr std::size_t inputs_a_task = 48;

  std::size_t inputs() const { return shape_.size(); }
  std::size_t panels() const { return round_up(units_, block) / block; }
  std::size_t weight_floats() const { return panels() * inputs() * block; }
  std::size_t place(std::size_t unit, std::size_t input) const {
    return (unit / block * inputs() + nhwc_index(shape_, input)) * block + unit % block;
  }
  void step(const Update& update, const float* gradient, const ParameterMemory& p, std::size_t at,
            std::size_t n) const {
    kernels_.update(update, gradient, 0, 1, p.weights + at, p.first + at, p.second ? p.second + at : nullptr, n);
  }

  std::size_t units_;
  bool relu_;
  Shape shape_;
  const HandKernels& kernels_;
};

}  // namespace

std::unique_ptr<Layer> make_hand_dense(const Dense& layer, const Shape& input, const HandKernels& kernels) {
  return std::make_unique<HandDense>(layer, input, kernels);
}

}  // namespace sidestep::kernels::cpu
