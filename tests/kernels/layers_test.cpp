#include <gtest/gtest.h>

#include <fmt/format.h>

#include <sidestep/kernels/cpu/hand_layers.hpp>
#include <sidestep/kernels/cpu/onednn.hpp>
#include <sidestep/kernels/cpu/optimizer_step.hpp>
#include <sidestep/kernels/reference/convolution.hpp>
#include <sidestep/kernels/reference/dense.hpp>

#include "kernels/support.hpp"

// Every layer, however it is computed, against its definition in double precision, at odd sizes.
namespace sidestep::kernels::test {
namespace {

using cpu::Buffer;
using cpu::Layer;
using cpu::row_pitch;

enum class Code { onednn, avx2, avx512, wide };

const cpu::HandKernels* table(Code code) {
  switch (code) {
    case Code::avx2:
      return supported(CpuPath::avx2) ? &cpu::avx2_kernels() : nullptr;
    case Code::avx512:
      return supported(CpuPath::avx512) ? &cpu::avx512_kernels() : nullptr;
    case Code::wide:
      return supported(CpuPath::avx2) ? &wide_kernels() : nullptr;
    case Code::onednn:
      break;
  }
  return nullptr;
}

bool here(Code code) { return code == Code::onednn || table(code); }

constexpr const char* names[] = {"onednn", "avx2", "avx512", "wide"};

/// Runs one layer forward and backward on some samples, and yields all that it computes in the layouts of
/// ParameterInfo.
struct Passes {
  std::vector<std::vector<float>> outputs, input_gradients;  // one a sample, canonical order
  std::vector<float> weight_gradient, bias_gradient;
};

/// From canonical order to an NHWC row, and back.
void to_row(const Shape& shape, const std::vector<double>& from, float* row) {
  for (std::size_t i = 0; i < shape.size(); ++i) row[cpu::nhwc_index(shape, i)] = static_cast<float>(from[i]);
}
std::vector<float> from_row(const Shape& shape, const float* row) {
  std::vector<float> all(shape.size());
  for (std::size_t i = 0; i < shape.size(); ++i) all[i] = row[cpu::nhwc_index(shape, i)];
  return all;
}

Passes run(Layer& layer, const Shape& in, const Shape& out, const std::vector<double>& weight,
           const std::vector<double>& bias, const std::vector<std::vector<double>>& inputs,
           const std::vector<std::vector<double>>& output_gradients, bool want_input_gradient) {
  const auto n = inputs.size(), in_pitch = row_pitch(in.size()), out_pitch = row_pitch(out.size());
  cpu::single_threaded_onednn();
  layer.prepare(n, 1);
  Buffer weights(layer.parameter_floats()), momentum(layer.parameter_floats()), input(n * in_pitch),
      output(n * out_pitch);
  Buffer output_gradient(n * out_pitch), input_gradient(n * in_pitch), kept(layer.kept_floats(n));
  Buffer scratch(layer.scratch_floats(n)), gradient(std::max<std::size_t>(layer.gradient_floats(), 1));
  Buffer update_scratch(layer.update_scratch_floats(n));
  // Whatever memory held before must not matter.
  std::fill_n(scratch.data(), scratch.size(), NAN);
  std::fill_n(update_scratch.data(), update_scratch.size(), NAN);
  layer.import_tensor(0, floats(weight), weights.data());
  layer.import_tensor(1, floats(bias), weights.data());
  layer.refresh(weights.data());
  for (std::size_t i = 0; i < n; ++i) {
    to_row(in, inputs[i], input.data() + i * in_pitch);
    to_row(out, output_gradients[i], output_gradient.data() + i * out_pitch);
  }

  cpu::Slice slice;
  slice.samples = n;
  slice.input = input.data();
  slice.output = output.data();
  slice.output_gradient = output_gradient.data();
  slice.input_gradient = want_input_gradient ? input_gradient.data() : nullptr;
  slice.kept = kept.data();
  slice.scratch = scratch.data();
  slice.gradient = gradient.data();
  layer.forward(slice, weights.data(), true);
  Passes result;
  for (std::size_t i = 0; i < n; ++i) result.outputs.push_back(from_row(out, output.data() + i * out_pitch));
  layer.backward(slice, weights.data());
  for (std::size_t i = 0; want_input_gradient && i < n; ++i)
    result.input_gradients.push_back(from_row(in, input_gradient.data() + i * in_pitch));

  // SGD's first momentum is the gradient.
  cpu::Batch batch;
  batch.samples = n;
  batch.input = input.data();
  batch.output_gradient = output_gradient.data();
  batch.gradients = gradient.data();
  batch.slices = 1;
  batch.scratch = update_scratch.data();
  const auto update = cpu::update_numbers(Sgd{}, 0.1, 1);
  for (std::size_t task = 0; task < layer.update_tasks(); ++task)
    layer.update(task, batch, update, {weights.data(), momentum.data(), nullptr});
  result.weight_gradient.resize(weight.size());
  result.bias_gradient.resize(bias.size());
  layer.export_tensor(0, momentum.data(), result.weight_gradient);
  layer.export_tensor(1, momentum.data(), result.bias_gradient);
  return result;
}

struct ConvolutionCase {
  Code code;
  Shape in;
  std::size_t filters, kernel, samples;
};

class ConvolutionLayer : public testing::TestWithParam<ConvolutionCase> {};

TEST_P(ConvolutionLayer, EqualsItsDefinitionInDoublePrecision) {
  const auto& [code, in, filters, kernel, samples] = GetParam();
  if (!here(code)) GTEST_SKIP() << "this CPU lacks it";
  const Convolution spec{filters, kernel};
  const Shape out{filters, in.height / 2, in.width / 2};
  const bool first = in.channels < 16;
  std::unique_ptr<Layer> layer;
  if (code == Code::onednn) {
    layer = cpu::make_onednn_convolution(spec, in);
  } else {
    ASSERT_TRUE(cpu::hand_convolution_serves(spec, in, first));
    layer = cpu::make_hand_convolution(spec, in, *table(code));
  }
  const bool want_input_gradient = code == Code::onednn || !first;
  const auto weight = random_values(filters * in.channels * kernel * kernel, 0.2, 1),
             bias = random_values(filters, 0.2, 2);
  std::vector<std::vector<double>> inputs, gradients;
  for (std::size_t i = 0; i < samples; ++i) {
    inputs.push_back(random_values(in.size(), 1.0, static_cast<std::uint32_t>(10 + i)));
    gradients.push_back(random_values(out.size(), 1.0, static_cast<std::uint32_t>(50 + i)));
  }
  const Passes got = run(*layer, in, out, weight, bias, inputs, gradients, want_input_gradient);

  std::vector<double> weight_gradient(weight.size()), bias_gradient(bias.size());
  for (std::size_t i = 0; i < samples; ++i) {
    std::vector<double> input_gradient(in.size());
    const auto pass = reference::convolution_forward(spec, in, inputs[i].data(), weight.data(), bias.data());
    reference::convolution_backward(spec, in, inputs[i].data(), weight.data(), pass, gradients[i].data(),
                                    weight_gradient.data(), bias_gradient.data(), input_gradient.data());
    EXPECT_LE(error(got.outputs[i], pass.output), 1e-5) << "output of sample " << i;
    if (want_input_gradient) {
      EXPECT_LE(error(got.input_gradients[i], input_gradient), 1e-5) << "input gradient of sample " << i;
    }
  }
  EXPECT_LE(error(got.weight_gradient, weight_gradient), 1e-5);
  EXPECT_LE(error(got.bias_gradient, bias_gradient), 1e-5);
}

std::vector<ConvolutionCase> convolution_cases() {
  std::vector<ConvolutionCase> all;
  for (const auto code : {Code::avx2, Code::avx512, Code::wide, Code::onednn})
    for (const auto& [in, filters, samples] : {std::tuple{Shape{1, 28, 28}, 16, 2},
                                               {Shape{1, 6, 10}, 48, 3},
                                               {Shape{2, 4, 12}, 32, 1},
                                               {Shape{3, 8, 6}, 16, 5},
                                               {Shape{1, 2, 2}, 16, 1},
                                               {Shape{16, 14, 14}, 32, 2},
                                               {Shape{16, 6, 10}, 16, 3},
                                               {Shape{32, 4, 8}, 48, 2},
                                               {Shape{16, 2, 2}, 32, 1},
                                               {Shape{48, 2, 18}, 80, 1},
                                               {Shape{16, 26, 4}, 32, 1}})
      all.push_back({code, in, static_cast<std::size_t>(filters), 5, static_cast<std::size_t>(samples)});
  all.push_back({Code::onednn, {5, 6, 4}, 7, 3, 2});
  all.push_back({Code::onednn, {3, 4, 10}, 9, 1, 3});
  all.push_back({Code::onednn, {1, 8, 8}, 3, 7, 1});
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, ConvolutionLayer, testing::ValuesIn(convolution_cases()), [](const auto& info) {
  const auto& c = info.param;
  return fmt::format("{}_{}x{}x{}_to_{}_kernel{}_samples{}", names[static_cast<int>(c.code)], c.in.channels,
                     c.in.height, c.in.width, c.filters, c.kernel, c.samples);
});

struct DenseCase {
  Code code;
  Shape in;
  std::size_t units, samples;
  bool relu;
};

class DenseLayer : public testing::TestWithParam<DenseCase> {};

TEST_P(DenseLayer, EqualsItsDefinitionInDoublePrecision) {
  const auto& [code, in, units, samples, relu] = GetParam();
  if (!here(code)) GTEST_SKIP() << "this CPU lacks it";
  const Dense spec{units, relu};
  const Shape out{units, 1, 1};
  const auto layer =
      code == Code::onednn ? cpu::make_onednn_dense(spec, in) : cpu::make_hand_dense(spec, in, *table(code));
  const auto weight = random_values(units * in.size(), 0.1, 1), bias = random_values(units, 0.2, 2);
  std::vector<std::vector<double>> inputs, gradients;
  for (std::size_t i = 0; i < samples; ++i) {
    inputs.push_back(random_values(in.size(), 1.0, static_cast<std::uint32_t>(10 + i)));
    gradients.push_back(random_values(units, 1.0, static_cast<std::uint32_t>(1000 + i)));
  }
  const Passes got = run(*layer, in, out, weight, bias, inputs, gradients, true);

  std::vector<double> weight_gradient(weight.size()), bias_gradient(bias.size());
  for (std::size_t i = 0; i < samples; ++i) {
    std::vector<double> input_gradient(in.size());
    const auto output = reference::dense_forward(spec, in.size(), inputs[i].data(), weight.data(), bias.data());
    reference::dense_backward(spec, in.size(), inputs[i].data(), weight.data(), output, gradients[i].data(),
                              weight_gradient.data(), bias_gradient.data(), input_gradient.data());
    EXPECT_LE(error(got.outputs[i], output), 1e-5) << "output of sample " << i;
    EXPECT_LE(error(got.input_gradients[i], input_gradient), 1e-5) << "input gradient of sample " << i;
  }
  EXPECT_LE(error(got.weight_gradient, weight_gradient), 1e-5);
  EXPECT_LE(error(got.bias_gradient, bias_gradient), 1e-5);
}

std::vector<DenseCase> dense_cases() {
  std::vector<DenseCase> all;
  for (const auto code : {Code::avx2, Code::avx512, Code::wide, Code::onednn})
    for (const auto& [in, units, samples, relu] : {std::tuple{Shape{32, 7, 7}, 128, 16, true},
                                                   {Shape{128, 1, 1}, 10, 16, false},
                                                   {Shape{1, 1, 1}, 1, 1, false},
                                                   {Shape{3, 5, 7}, 33, 7, true},
                                                   {Shape{257, 1, 1}, 17, 21, true},
                                                   {Shape{7, 7, 1}, 16, 131, false},
                                                   {Shape{530, 1, 1}, 50, 3, true},
                                                   {Shape{48, 1, 1}, 96, 300, true}})
      all.push_back({code, in, static_cast<std::size_t>(units), static_cast<std::size_t>(samples), relu});
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, DenseLayer, testing::ValuesIn(dense_cases()), [](const auto& info) {
  const auto& c = info.param;
  return fmt::format("{}_{}x{}x{}_to_{}_samples{}{}", names[static_cast<int>(c.code)], c.in.channels, c.in.height,
                     c.in.width, c.units, c.samples, c.relu ? "_relu" : "");
});

}  // namespace
}  // namespace sidestep::kernels::test
