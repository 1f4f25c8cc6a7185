#include <dnnl.h>

#include <algorithm>
#include <vector>

#include <sidestep/kernels/cpu/onednn.hpp>
#include <sidestep/kernels/cpu/optimizer_step.hpp>

namespace sidestep::kernels::cpu {
namespace {

/// Dense layer by dnnl_sgemm. Own layout: weight [units][inputs], inputs in NHWC order; then bias [units].
class OneDnnDense final : public Layer {
 public:
  OneDnnDense(const Dense& layer, const Shape& input) : units_(layer.units), relu_(layer.relu), shape_(input) {}

  std::size_t parameter_floats() const override { return units_ * inputs() + units_; }
  std::size_t gradient_floats() const override { return 0; }
  bool updates_from_rows() const override { return true; }
  std::size_t kept_floats(std::size_t) const override { return 0; }
  std::size_t scratch_floats(std::size_t) const override { return 0; }
  std::size_t update_scratch_floats(std::size_t) const override { return rows_a_task * inputs() + rows_a_task; }
  void refresh(const float*) override {}

  void import_tensor(int tensor, std::span<const float> values, float* own) const override {
    if (tensor == 1) {
      std::copy(values.begin(), values.end(), own + units_ * inputs());
      return;
    }
    for (std::size_t u = 0; u < units_; ++u)
      for (std::size_t i = 0; i < inputs(); ++i) own[u * inputs() + nhwc_index(shape_, i)] = values[u * inputs() + i];
  }
  void export_tensor(int tensor, const float* own, std::span<float> values) const override {
    if (tensor == 1) {
      std::copy_n(own + units_ * inputs(), units_, values.begin());
      return;
    }
    for (std::size_t u = 0; u < units_; ++u)
      for (std::size_t i = 0; i < inputs(); ++i) values[u * inputs() + i] = own[u * inputs() + nhwc_index(shape_, i)];
  }

  void forward(const Slice& s, const float* weights, bool) override {
    const auto pitch = row_pitch(units_);
    const float* bias = weights + units_ * inputs();
    for (std::size_t r = 0; r < s.samples; ++r) std::copy_n(bias, units_, s.output + r * pitch);
    gemm('N', 'T', s.samples, units_, inputs(), s.input, row_pitch(inputs()), weights, inputs(), 1.0f, s.output, pitch);
    if (relu_)
      for (std::size_t i = 0; i < s.samples * pitch; ++i) s.output[i] = std::max(s.output[i], 0.0f);
  }

  void backward(const Slice& s, const float* weights) override {
    const auto pitch = row_pitch(units_);
    if (relu_)
      for (std::size_t i = 0; i < s.samples * pitch; ++i)
        s.output_gradient[i] = s.output[i] > 0.0f ? s.output_gradient[i] : 0.0f;
    if (!s.input_gradient) return;
    gemm('N', 'N', s.samples, inputs(), units_, s.output_gradient, pitch, weights, inputs(), 0.0f, s.input_gradient,
         row_pitch(inputs()));
  }

  std::size_t update_tasks() const override { return (units_ + rows_a_task - 1) / rows_a_task; }
  void update(std::size_t task, const Batch& b, const Update& update, const ParameterMemory& p) override {
    const auto first = task * rows_a_task, rows = std::min(rows_a_task, units_ - first);
    const auto pitch = row_pitch(units_);
    gemm('T', 'N', rows, inputs(), b.samples, b.output_gradient + first, pitch, b.input, row_pitch(inputs()), 0.0f,
         b.scratch, inputs());
    step(update, b.scratch, p, first * inputs(), rows * inputs());
    float* bias = b.scratch + rows_a_task * inputs();
    for (std::size_t u = 0; u < rows; ++u) {
      bias[u] = 0.0f;
      for (std::size_t r = 0; r < b.samples; ++r) bias[u] += b.output_gradient[r * pitch + first + u];
    }
    step(update, bias, p, units_ * inputs() + first, rows);
  }

 private:
  static constexpr std::size_t rows_a_task = 16;

  std::size_t inputs() const { return shape_.size(); }

  static void step(const Update& update, const float* gradient, const ParameterMemory& p, std::size_t at,
                   std::size_t n) {
    apply_update(update, gradient, p.weights + at, p.first + at, p.second ? p.second + at : nullptr, n);
  }

  static void gemm(char ta, char tb, std::size_t m, std::size_t n, std::size_t k, const float* a, std::size_t lda,
                   const float* b, std::size_t ldb, float beta, float* c, std::size_t ldc) {
    const auto i = [](std::size_t x) { return static_cast<dnnl_dim_t>(x); };
    dnnl_sgemm(ta, tb, i(m), i(n), i(k), 1.0f, a, i(lda), b, i(ldb), beta, c, i(ldc));
  }

  std::size_t units_;
  bool relu_;
  Shape shape_;
};

}  // namespace

std::unique_ptr<Layer> make_onednn_dense(const Dense& layer, const Shape& input) {
  return std::make_unique<OneDnnDense>(layer, input);
}

}  // namespace sidestep::kernels::cpu
