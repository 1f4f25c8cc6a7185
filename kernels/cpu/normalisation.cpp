#include <algorithm>
#include <cmath>
#include <vector>

#include <sidestep/kernels/cpu/batch_layers.hpp>
#include <sidestep/kernels/cpu/optimizer_step.hpp>

namespace sidestep::kernels::cpu {
namespace {

/// Own layout: weight, bias, running mean, running variance, [channels] each.
///
/// Forward, a slice yields for each channel its mean and the sum of squared deviations from it, which are put together
/// pairwise (Chan, Golub and LeVeque, 1983): no difference of large sums is ever taken. Backward, with g the gradient
/// behind the ReLU, n values a channel and s = 1 / sqrt(variance + epsilon):
///   weight gradient = s sum of g (x - mean)            bias gradient = sum of g
///   input gradient  = weight s (g - (bias gradient) / n - s (x - mean) (weight gradient) / n)
class Normalisation final : public Layer {
 public:
  Normalisation(const Shape& shape, bool relu, const NormKernels& kernels)
      : channels_(shape.channels),
        pixels_(shape.height * shape.width),
        pitch_(row_pitch(shape.size())),
        relu_(relu),
        kernels_(kernels),
        mean_(channels_),
        inverse_(channels_),
        scale_(channels_),
        shift_(channels_),
        slope_(channels_),
        gradient_(2 * channels_),
        running_scale_(channels_) {}

  std::size_t tensors() const override { return 4; }
  std::size_t parameter_floats() const override { return 4 * channels_; }
  void import_tensor(int tensor, std::span<const float> values, float* own) const override {
    std::copy(values.begin(), values.end(), own + static_cast<std::size_t>(tensor) * channels_);
  }
  void export_tensor(int tensor, const float* own, std::span<float> values) const override {
    std::copy_n(own + static_cast<std::size_t>(tensor) * channels_, channels_, values.begin());
  }

  std::size_t gradient_floats() const override { return 0; }
  std::size_t kept_floats(std::size_t) const override { return 0; }
  std::size_t scratch_floats(std::size_t) const override { return 2 * channels_; }
  std::size_t update_scratch_floats(std::size_t) const override { return 0; }

  void refresh(const float* weights) override {
    for (std::size_t c = 0; c < channels_; ++c)
      running_scale_[c] = weights[c] / std::sqrt(weights[3 * channels_ + c] + norm_epsilon);
  }

  std::size_t sums() const override { return 2 * channels_ + 1; }

  void measure(const Slice& s) override {
    const auto values = static_cast<double>(pixels_);
    double *mean = s.sums, *squares = s.sums + channels_;
    std::fill_n(s.sums, sums(), 0.0);
    float *sample_mean = s.scratch, *sample_squares = s.scratch + channels_;
    for (std::size_t i = 0; i < s.samples; ++i) {
      const float* x = s.input + i * pitch_;
      kernels_.sum(pixels_, channels_, x, sample_mean);
      for (std::size_t c = 0; c < channels_; ++c) sample_mean[c] /= static_cast<float>(pixels_);
      kernels_.squares(pixels_, channels_, x, sample_mean, sample_squares);
      const double before = values * static_cast<double>(i);
      for (std::size_t c = 0; c < channels_; ++c)
        join(mean[c], squares[c], before, sample_mean[c], sample_squares[c], values);
    }
    s.sums[2 * channels_] = values * static_cast<double>(s.samples);
  }

  void conclude(const double* sums_of_slices, std::size_t slices, float* weights) override {
    total_.assign(sums_of_slices, sums_of_slices + sums());
    double& count = total_[2 * channels_];
    for (std::size_t s = 1; s < slices; ++s) {
      const double* more = sums_of_slices + s * sums();
      for (std::size_t c = 0; c < channels_; ++c)
        join(total_[c], total_[channels_ + c], count, more[c], more[channels_ + c], more[2 * channels_]);
      count += more[2 * channels_];
    }
    count_ = count;
    float *running_mean = weights + 2 * channels_, *running_variance = running_mean + channels_;
    for (std::size_t c = 0; c < channels_; ++c) {
      const double variance = total_[channels_ + c] / count,
                   unbiased = total_[channels_ + c] / std::max(count - 1.0, 1.0);
      mean_[c] = static_cast<float>(total_[c]);
      inverse_[c] = static_cast<float>(1.0 / std::sqrt(variance + static_cast<double>(norm_epsilon)));
      scale_[c] = weights[c] * inverse_[c];
      running_mean[c] += norm_momentum * (mean_[c] - running_mean[c]);
      running_variance[c] += norm_momentum * (static_cast<float>(unbiased) - running_variance[c]);
    }
  }

  void forward(const Slice& s, const float* weights, bool training) override {
    const float* mean = training ? mean_.data() : weights + 2 * channels_;
    const float* scale = training ? scale_.data() : running_scale_.data();
    for (std::size_t i = 0; i < s.samples; ++i)
      kernels_.apply(pixels_, channels_, s.input + i * pitch_, s.second ? s.second + i * pitch_ : nullptr, mean, scale,
                     weights + channels_, relu_, s.output + i * pitch_);
  }

  void measure_backward(const Slice& s) override {
    std::fill_n(s.sums, sums(), 0.0);
    float *sum = s.scratch, *products = s.scratch + channels_;
    for (std::size_t i = 0; i < s.samples; ++i) {
      kernels_.backward_sums(pixels_, channels_, s.input + i * pitch_, relu_ ? s.output + i * pitch_ : nullptr,
                             mean_.data(), s.output_gradient + i * pitch_,
                             s.second_gradient ? s.second_gradient + i * pitch_ : nullptr, sum, products);
      for (std::size_t c = 0; c < channels_; ++c) {
        s.sums[c] += static_cast<double>(sum[c]);
        s.sums[channels_ + c] += static_cast<double>(products[c]);
      }
    }
  }

  void conclude_backward(const double* sums_of_slices, std::size_t slices, const float*) override {
    for (std::size_t c = 0; c < channels_; ++c) {
      double sum = 0, products = 0;
      for (std::size_t s = 0; s < slices; ++s) {
        sum += sums_of_slices[s * sums() + c];
        products += sums_of_slices[s * sums() + channels_ + c];
      }
      const double inverse = inverse_[c], scale = scale_[c];
      gradient_[c] = static_cast<float>(inverse * products);
      gradient_[channels_ + c] = static_cast<float>(sum);
      shift_[c] = static_cast<float>(scale * sum / count_);
      slope_[c] = static_cast<float>(scale * inverse * inverse * products / count_);
    }
  }

  void backward(const Slice& s, const float*) override {
    if (!s.input_gradient) return;
    for (std::size_t i = 0; i < s.samples; ++i)
      kernels_.backward(pixels_, channels_, s.input + i * pitch_, mean_.data(), scale_.data(), shift_.data(),
                        slope_.data(), s.output_gradient + i * pitch_, s.input_gradient + i * pitch_);
  }

  std::size_t update_tasks() const override { return 1; }
  void update(std::size_t, const Batch&, const Update& update, const ParameterMemory& p) override {
    apply_update(update, gradient_.data(), p.weights, p.first, p.second, 2 * channels_);
    refresh(p.weights);
  }

 private:
  /// Puts the mean and the squared deviations of n values and of m more together.
  static void join(double& mean, double& squares, double n, double more_mean, double more_squares, double m) {
    const double difference = more_mean - mean, part = m / (n + m);
    mean += difference * part;
    squares += more_squares + difference * difference * n * part;
  }

  std::size_t channels_, pixels_, pitch_;
  bool relu_;
  const NormKernels& kernels_;
  double count_ = 0;
  std::vector<double> total_;
  std::vector<float> mean_, inverse_, scale_, shift_, slope_, gradient_;  ///< of the batch under way
  std::vector<float> running_scale_;                                      ///< derived from the weights
};

}  // namespace

std::unique_ptr<Layer> make_normalisation(const Shape& shape, bool relu, const NormKernels& kernels) {
  return std::make_unique<Normalisation>(shape, relu, kernels);
}

}  // namespace sidestep::kernels::cpu
