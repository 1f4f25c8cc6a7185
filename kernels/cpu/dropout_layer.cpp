#include <algorithm>

#include <sidestep/kernels/cpu/batch_layers.hpp>
#include <sidestep/kernels/cpu/tensorless.hpp>
#include <sidestep/kernels/dropout.hpp>

namespace sidestep::kernels::cpu {
namespace {

/// What was dropped is worked out again for the backward pass.
class DropoutLayer final : public Tensorless {
 public:
  DropoutLayer(const Dropout& layer, const Shape& shape, std::uint32_t index, std::uint64_t seed)
      : rate_(layer.rate), features_(shape.size()), pitch_(row_pitch(features_)), index_(index), seed_(seed) {}

  void forward(const Slice& s, const float*, bool training) override {
    if (training)
      drop(s, s.input, s.output);
    else
      std::copy_n(s.input, s.samples * pitch_, s.output);
  }

  void backward(const Slice& s, const float*) override {
    if (s.input_gradient) drop(s, s.output_gradient, s.input_gradient);
  }

 private:
  void drop(const Slice& s, const float* from, float* to) const {
    for (std::size_t i = 0; i < s.samples; ++i, from += pitch_, to += pitch_) {
      const std::uint64_t first = (s.row + i) * features_;
      Words4 words;
      for (std::size_t j = 0; j < features_; ++j) {
        const std::uint64_t index = first + j;
        if (index % 4 == 0 || j == 0) words = dropout_words(index / 4, index_, s.step, seed_);
        const std::uint32_t all[]{words.x, words.y, words.z, words.w};
        to[j] = from[j] * dropout_factor(all[index % 4], rate_);
      }
    }
  }

  float rate_;
  std::size_t features_, pitch_;
  std::uint32_t index_;
  std::uint64_t seed_;
};

}  // namespace

std::unique_ptr<Layer> make_dropout(const Dropout& layer, const Shape& shape, std::uint32_t index, std::uint64_t seed) {
  return std::make_unique<DropoutLayer>(layer, shape, index, seed);
}

}  // namespace sidestep::kernels::cpu
