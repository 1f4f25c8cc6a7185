#include <algorithm>

#include <sidestep/kernels/cpu/batch_layers.hpp>
#include <sidestep/kernels/cpu/tensorless.hpp>

namespace sidestep::kernels::cpu {
namespace {

class AveragePool final : public Tensorless {
 public:
  explicit AveragePool(const Shape& input)
      : channels_(input.channels), pixels_(input.height * input.width), pitch_(row_pitch(input.size())) {}

  void forward(const Slice& s, const float*, bool) override {
    for (std::size_t i = 0; i < s.samples; ++i) {
      const float* x = s.input + i * pitch_;
      float* mean = s.output + i * row_pitch(channels_);
      std::fill_n(mean, channels_, 0.0f);
      for (std::size_t p = 0; p < pixels_; ++p)
        for (std::size_t c = 0; c < channels_; ++c) mean[c] += x[p * channels_ + c];
      for (std::size_t c = 0; c < channels_; ++c) mean[c] /= static_cast<float>(pixels_);
    }
  }

  void backward(const Slice& s, const float*) override {
    if (!s.input_gradient) return;
    for (std::size_t i = 0; i < s.samples; ++i) {
      float* gradient = s.input_gradient + i * pitch_;
      const float* from = s.output_gradient + i * row_pitch(channels_);
      for (std::size_t p = 0; p < pixels_; ++p)
        for (std::size_t c = 0; c < channels_; ++c) gradient[p * channels_ + c] = from[c] / static_cast<float>(pixels_);
    }
  }

 private:
  std::size_t channels_, pixels_, pitch_;
};

}  // namespace

std::unique_ptr<Layer> make_average_pool(const Shape& input) { return std::make_unique<AveragePool>(input); }

}  // namespace sidestep::kernels::cpu
