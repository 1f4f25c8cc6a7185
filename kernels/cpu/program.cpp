#include <sidestep/kernels/cpu/program.hpp>

#include <utility>

#include <sidestep/kernels/cpu/batch_layers.hpp>
#include <sidestep/kernels/cpu/hand_layers.hpp>
#include <sidestep/kernels/cpu/onednn.hpp>

namespace sidestep::kernels::cpu {
namespace {

/// Appends the operations of one layer after another.
class Builder {
 public:
  Builder(const NetworkSpec& spec, const CpuOptions& options) : hand_(table(options.path)), options_(options) {
    static_cast<void>(output_shapes(spec));
    now_ = value(spec.input);
    for (const auto& layer : spec.layers) {
      std::visit([&](const auto& known) { add(known); }, layer);
      ++index_;
    }
    schedule(program_);
  }

  Program take() { return std::move(program_); }

 private:
  void add(const Convolution& layer) {
    const Shape in = shape(now_);
    const bool hand = hand_ && hand_convolution_serves(layer, in, now_ == 0) &&
                      (options_.winograd || !hand_convolution_is_winograd(in));
    now_ = append(hand ? make_hand_convolution(layer, in, *hand_) : make_onednn_convolution(layer, in), now_,
                  {layer.filters, in.height / 2, in.width / 2});
  }
  void add(const Dense& layer) {
    const Shape in = shape(now_);
    now_ = append(hand_ ? make_hand_dense(layer, in, *hand_) : make_onednn_dense(layer, in), now_, {layer.units, 1, 1});
  }
  void add(const NormalisedConvolution& layer) {
    now_ = convolution({layer.filters, layer.kernel, layer.stride}, now_);
    now_ = normalisation(layer.relu, now_);
  }
  /// The shortcut's tensors come last, but it is computed before it is added.
  void add(const Residual& layer) {
    const std::size_t input = now_;
    now_ = convolution({layer.filters, 3, layer.stride}, now_);
    now_ = normalisation(true, now_);
    now_ = convolution({layer.filters, 3, 1}, now_);
    const std::size_t norm2 = std::exchange(parameter_, parameter_ + 4);
    std::size_t second = input;
    if (has_shortcut(layer, shape(input)))
      second = normalisation(false, convolution({layer.filters, 1, layer.stride}, input));
    const std::size_t after = std::exchange(parameter_, norm2);
    now_ = normalisation(true, now_, second);
    parameter_ = after;
  }
  void add(const GlobalAveragePool&) {
    now_ = append(make_average_pool(shape(now_)), now_, {shape(now_).channels, 1, 1});
  }
  void add(const Dropout& layer) {
    now_ = append(make_dropout(layer, shape(now_), index_, options_.seed), now_, shape(now_));
  }

  std::size_t convolution(const LinearConvolution& layer, std::size_t input) {
    const Shape in = shape(input);
    const Shape out{layer.filters, (in.height - 1) / layer.stride + 1, (in.width - 1) / layer.stride + 1};
    return append(make_onednn_linear_convolution(layer, in), input, out);
  }
  std::size_t normalisation(bool relu, std::size_t input, std::size_t second = nothing) {
    const Shape in = shape(input);
    const auto output = append(make_normalisation(in, relu, hand_ ? hand_->norm : portable_norm_kernels()), input, in);
    program_.operations.back().second = second;
    program_.values[input].gradient = output;
    return output;
  }

  std::size_t append(std::unique_ptr<Layer> layer, std::size_t input, const Shape& output) {
    const auto tensors = layer->tensors();
    const auto made = value(output);
    program_.operations.push_back({std::move(layer), parameter_, input, made});
    parameter_ += tensors;
    return made;
  }
  std::size_t value(const Shape& shape) {
    program_.values.push_back({shape, program_.values.size()});
    return program_.values.size() - 1;
  }
  static const HandKernels* table(CpuPath path) {
    switch (resolve(path)) {
      case CpuPath::avx512:
        return &avx512_kernels();
      case CpuPath::avx2:
        return &avx2_kernels();
      case CpuPath::automatic:
      case CpuPath::portable:
        break;
    }
    return nullptr;
  }
  Shape shape(std::size_t value) const { return program_.values[value].shape; }

  const HandKernels* hand_;
  CpuOptions options_;
  Program program_;
  std::size_t now_ = 0;        ///< the value that the next layer takes
  std::size_t parameter_ = 0;  ///< the next tensor's
  std::uint32_t index_ = 0;    ///< of the layer in the spec
};

}  // namespace

Program make_program(const NetworkSpec& spec, const CpuOptions& options) { return Builder(spec, options).take(); }

}  // namespace sidestep::kernels::cpu
