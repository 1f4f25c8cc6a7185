#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <utility>
#include <variant>
#include <vector>

#include <sidestep/kernels/dropout.hpp>
#include <sidestep/kernels/network.hpp>
#include <sidestep/kernels/reference/convolution.hpp>
#include <sidestep/kernels/reference/dense.hpp>
#include <sidestep/kernels/reference/linear_convolution.hpp>
#include <sidestep/kernels/reference/normalisation.hpp>
#include <sidestep/kernels/reference/softmax.hpp>

namespace sidestep::kernels::reference {

/// Loss and gradient of a whole network by definition: what every backend is compared with.
template <class Real>
struct NetworkPass {
  Real loss = 0;  ///< mean over the samples
  std::size_t correct = 0;
  std::vector<std::vector<Real>> gradients;   ///< one a tensor, in the order of kernels::parameters(spec)
  std::vector<std::vector<Real>> parameters;  ///< as given, but for running statistics, which have moved
  /// How near to 0 a value came that a ReLU behind a normalisation or a sum had to choose by. Where that is less than
  /// rounding does, two right answers have different gradients.
  Real nearest_choice = std::numeric_limits<Real>::infinity();
};

/// What the values of a pass depend on beside weights and samples.
struct PassOptions {
  bool training = true;  ///< false: running statistics, no dropout; gradients are not worked out
  std::uint32_t step = 1;
  std::uint64_t seed = 1;  ///< of dropout
};

/// Walks through the layers, and notes on the way how the gradient walks back.
template <class Real>
class Tape {
 public:
  using Back = std::function<Rows<Real>(Rows<Real>)>;

  Tape(NetworkPass<Real>& pass, const PassOptions& options) : pass_(pass), options_(options) {}

  Rows<Real> forward(const NetworkSpec& spec, Rows<Real> rows) {
    const auto shapes = output_shapes(spec);
    for (layer_ = 0; layer_ < spec.layers.size(); ++layer_) {
      in_ = layer_ ? shapes[layer_ - 1] : spec.input;
      auto [output, back] = std::visit([&](const auto& layer) { return run(layer, in_, rows); }, spec.layers[layer_]);
      rows = std::move(output);
      backs_.push_back(std::move(back));
    }
    return rows;
  }
  void backward(Rows<Real> gradient) {
    for (std::size_t i = backs_.size(); i-- > 0;) gradient = backs_[i](std::move(gradient));
  }

 private:
  using Result = std::pair<Rows<Real>, Back>;

  std::vector<Real>& value(std::size_t tensor) { return pass_.parameters[tensor]; }
  std::vector<Real>& gradient(std::size_t tensor) { return pass_.gradients[tensor]; }
  std::size_t tensors(std::size_t count) { return std::exchange(parameter_, parameter_ + count); }

  Result run(const Convolution& layer, const Shape& in, const Rows<Real>& input) {
    const auto p = tensors(2);
    std::vector<ConvolutionPass<Real>> passes;
    Rows<Real> output;
    for (const auto& row : input) {
      passes.push_back(convolution_forward(layer, in, row.data(), value(p).data(), value(p + 1).data()));
      output.push_back(passes.back().output);
    }
    return {output, [=, this](Rows<Real> g) {
              Rows<Real> below;
              for (std::size_t r = 0; r < input.size(); ++r) {
                below.emplace_back(in.size());
                convolution_backward(layer, in, input[r].data(), value(p).data(), passes[r], g[r].data(),
                                     gradient(p).data(), gradient(p + 1).data(), below[r].data());
              }
              return below;
            }};
  }

  Result run(const Dense& layer, const Shape& in, const Rows<Real>& input) {
    const auto p = tensors(2);
    Rows<Real> output;
    for (const auto& row : input)
      output.push_back(dense_forward(layer, in.size(), row.data(), value(p).data(), value(p + 1).data()));
    return {output, [=, this](Rows<Real> g) {
              Rows<Real> below;
              for (std::size_t r = 0; r < input.size(); ++r) {
                below.emplace_back(in.size());
                dense_backward(layer, in.size(), input[r].data(), value(p).data(), output[r], g[r].data(),
                               gradient(p).data(), gradient(p + 1).data(), below[r].data());
              }
              return below;
            }};
  }

  Result run(const NormalisedConvolution& layer, const Shape& in, const Rows<Real>& input) {
    const ConvolutionSize size{layer.filters, layer.kernel, layer.stride};
    const Result convolved = convolution(size, in, input, tensors(1));
    const Result normalised = normalisation(size.output(in), convolved.first, tensors(4));
    const Back back = chain(normalised.second, convolved.second);
    if (!layer.relu) return {normalised.first, back};
    const Result open = relu(normalised.first);
    return {open.first, chain(open.second, back)};
  }

  Result run(const Residual& layer, const Shape& in, const Rows<Real>& input) {
    const Shape out{layer.filters, (in.height - 1) / layer.stride + 1, (in.width - 1) / layer.stride + 1};
    const Result first = run(NormalisedConvolution{layer.filters, 3, layer.stride, true}, in, input);
    Result sum = run(NormalisedConvolution{layer.filters, 3, 1, false}, out, first.first);
    Result shortcut{input, [](Rows<Real> g) { return g; }};
    if (has_shortcut(layer, in))
      shortcut = run(NormalisedConvolution{layer.filters, 1, layer.stride, false}, in, input);
    add(sum.first, shortcut.first);
    const Result open = relu(sum.first);
    return {open.first,
            [through = open.second, main = chain(sum.second, first.second), around = shortcut.second](Rows<Real> g) {
              g = through(std::move(g));
              Rows<Real> below = main(g);
              add(below, around(g));
              return below;
            }};
  }

  Result run(const GlobalAveragePool&, const Shape& in, const Rows<Real>& input) {
    const std::size_t plane = in.height * in.width;
    Rows<Real> output;
    for (const auto& row : input) {
      output.emplace_back(in.channels);
      for (std::size_t i = 0; i < row.size(); ++i) output.back()[i / plane] += row[i] / static_cast<Real>(plane);
    }
    return {output, [=](Rows<Real> g) {
              Rows<Real> below;
              for (const auto& row : g) {
                below.emplace_back(in.size());
                for (std::size_t i = 0; i < in.size(); ++i) below.back()[i] = row[i / plane] / static_cast<Real>(plane);
              }
              return below;
            }};
  }

  Result run(const Dropout& layer, const Shape& in, const Rows<Real>& input) {
    if (!options_.training) return {input, {}};
    const auto drop = [options = options_, layer, in, index = static_cast<std::uint32_t>(layer_)](Rows<Real> rows) {
      const std::size_t plane = in.height * in.width;
      for (std::size_t r = 0; r < rows.size(); ++r)
        for (std::size_t i = 0; i < in.size(); ++i) {
          const std::size_t feature = i % plane * in.channels + i / plane;
          rows[r][i] *=
              static_cast<Real>(dropout_factor(r * in.size() + feature, index, options.step, options.seed, layer.rate));
        }
      return rows;
    };
    return {drop(input), drop};
  }

  Result convolution(const ConvolutionSize& size, const Shape& in, const Rows<Real>& input, std::size_t p) {
    Rows<Real> output;
    for (const auto& row : input) output.push_back(linear_convolution_forward(size, in, row.data(), value(p).data()));
    return {output, [=, this](Rows<Real> g) {
              Rows<Real> below;
              for (std::size_t r = 0; r < input.size(); ++r) {
                below.emplace_back(in.size());
                linear_convolution_backward(size, in, input[r].data(), value(p).data(), g[r].data(), gradient(p).data(),
                                            below[r].data());
              }
              return below;
            }};
  }

  Result normalisation(const Shape& shape, const Rows<Real>& input, std::size_t p) {
    auto& mean = value(p + 2);
    auto& variance = value(p + 3);
    if (!options_.training)
      return {normalisation_forward(shape, input, {mean, variance, 0}, value(p), value(p + 1)), {}};
    const auto measured = statistics(shape, input);
    const auto n = static_cast<Real>(measured.count), momentum = static_cast<Real>(norm_momentum);
    for (std::size_t c = 0; c < shape.channels; ++c) {
      mean[c] += momentum * (measured.mean[c] - mean[c]);
      variance[c] += momentum * (measured.variance[c] * n / (n - 1) - variance[c]);
    }
    return {normalisation_forward(shape, input, measured, value(p), value(p + 1)), [=, this](Rows<Real> g) {
              return normalisation_backward(shape, input, measured, value(p), g, gradient(p), gradient(p + 1));
            }};
  }

  Result relu(Rows<Real> rows) {
    for (auto& row : rows)
      for (auto& x : row) {
        pass_.nearest_choice = std::min(pass_.nearest_choice, std::abs(x));
        x = x > 0 ? x : 0;
      }
    return {rows, [rows](Rows<Real> g) {
              for (std::size_t r = 0; r < g.size(); ++r)
                for (std::size_t i = 0; i < g[r].size(); ++i) g[r][i] = rows[r][i] > 0 ? g[r][i] : 0;
              return g;
            }};
  }

  static void add(Rows<Real>& to, const Rows<Real>& from) {
    for (std::size_t r = 0; r < to.size(); ++r)
      for (std::size_t i = 0; i < to[r].size(); ++i) to[r][i] += from[r][i];
  }
  static Back chain(Back first, Back then) {
    return [=](Rows<Real> g) { return then(first(std::move(g))); };
  }

  NetworkPass<Real>& pass_;
  PassOptions options_;
  std::vector<Back> backs_;
  std::size_t layer_ = 0, parameter_ = 0;
  Shape in_;
};

/// parameters: values in the order of kernels::parameters(spec); samples: rows of spec.input.size() values
template <class Real>
NetworkPass<Real> network_pass(const NetworkSpec& spec, const std::vector<std::vector<Real>>& parameters,
                               const std::vector<std::vector<Real>>& samples, const std::vector<std::uint8_t>& labels,
                               const PassOptions& options = {}) {
  NetworkPass<Real> result;
  result.parameters = parameters;
  for (const auto& p : parameters) result.gradients.emplace_back(p.size(), Real{0});
  Tape<Real> tape(result, options);
  Rows<Real> gradient;
  const Rows<Real> logits = tape.forward(spec, samples);
  for (std::size_t n = 0; n < samples.size(); ++n) {
    auto row = softmax_cross_entropy(logits[n], labels[n]);
    result.loss += row.loss / static_cast<Real>(samples.size());
    result.correct += row.correct;
    for (auto& g : row.gradient) g /= static_cast<Real>(samples.size());
    gradient.push_back(std::move(row.gradient));
  }
  if (options.training) tape.backward(std::move(gradient));
  return result;
}

}  // namespace sidestep::kernels::reference
