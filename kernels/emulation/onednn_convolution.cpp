#include <memory>
#include <dnnl.hpp>

#include <sidestep/kernels/emulation/instance_pool.hpp>
#include <sidestep/kernels/emulation/one_thread.hpp>
#include <sidestep/kernels/emulation/onednn_convolution.hpp>

namespace sidestep::emulation::cudnn {
namespace {

using dnnl::memory;
using Kind = ConvolutionProblem::Kind;

memory::dims dims(const Sizes& sizes) { return {sizes.begin(), sizes.end()}; }
memory::dims pair(const std::array<int, 2>& values) { return {values.begin(), values.end()}; }

memory::desc layout(const Sizes& size, const Sizes& stride) {
  return {dims(size), memory::data_type::f32, dims(stride)};
}

/// The layout that oneDNN is asked to compute in: the caller's where that is dense NHWC, oneDNN's choice otherwise.
memory::desc wish(const Sizes& size, const Sizes& stride) {
  const auto dense = dense_strides(CUDNN_TENSOR_NHWC, size);
  for (int i = 0; i < 4; ++i)
    if (size[i] != 1 && stride[i] != dense[i]) return {dims(size), memory::data_type::f32, memory::format_tag::any};
  return {dims(size), memory::data_type::f32, memory::format_tag::nhwc};
}

/// One tensor in the caller's memory, and in the layout of the computation if that is another.
class Operand {
 public:
  Operand() = default;
  Operand(const Sizes& size, const Sizes& stride, const memory::desc& computed, const dnnl::engine& engine)
      : users_(layout(size, stride), engine, nullptr),
        same_(computed == layout(size, stride) || computed == wish(size, stride)) {
    if (same_) {
      own_ = memory(computed, engine, nullptr);
    } else {
      own_ = memory(computed, engine);
      in_ = dnnl::reorder(users_, own_);
      out_ = dnnl::reorder(own_, users_);
    }
  }

  const memory& read(dnnl::stream& stream, const float* from) {
    set(from);
    if (!same_) in_.execute(stream, users_, own_);
    return own_;
  }
  const memory& write(float* to) {
    set(to);
    return own_;
  }
  void written(dnnl::stream& stream) {
    if (!same_) out_.execute(stream, own_, users_);
  }

 private:
  void set(const float* at) {
    auto* pointer = const_cast<float*>(at);
    users_.set_data_handle(pointer);
    if (same_) own_.set_data_handle(pointer);
  }

  memory users_, own_;
  bool same_ = true;
  dnnl::reorder in_, out_;
};

class PreparedConvolution {
 public:
  explicit PreparedConvolution(const ConvolutionProblem& p)
      : problem_(p), engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {
    const memory::desc x = wish(p.x, p.x_stride), y = wish(p.y, p.y_stride);
    const memory::desc w(dims(p.w), memory::data_type::f32, memory::format_tag::any);
    const memory::dims stride = pair(p.stride), before = pair(p.pad);
    memory::dims dilation(2), after(2);
    for (int i = 0; i < 2; ++i) {
      dilation[i] = p.dilation[i] - 1;
      after[i] = memory::dim{p.y[i + 2] - 1} * p.stride[i] + memory::dim{p.w[i + 2] - 1} * p.dilation[i] + 1 -
                 p.x[i + 2] - p.pad[i];
    }
    dnnl::primitive_attr user;
    user.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const auto direct = dnnl::algorithm::convolution_direct;
    const dnnl::convolution_forward::primitive_desc forward(
        {dnnl::prop_kind::forward_training, direct, x, w, y, stride, dilation, before, after}, user, engine_);
    switch (p.kind) {
      case Kind::forward:
        adopt(forward, forward.src_desc(), forward.weights_desc(), forward.dst_desc());
        primitive_ = dnnl::convolution_forward(forward);
        break;
      case Kind::data: {
        const dnnl::convolution_backward_data::primitive_desc backward(
            {direct, x, w, y, stride, dilation, before, after}, user, engine_, forward);
        adopt(backward, backward.diff_src_desc(), backward.weights_desc(), backward.diff_dst_desc());
        primitive_ = dnnl::convolution_backward_data(backward);
        break;
      }
      case Kind::filter: {
        const dnnl::convolution_backward_weights::primitive_desc backward(
            {direct, x, w, y, stride, dilation, before, after}, user, engine_, forward);
        adopt(backward, backward.src_desc(), backward.diff_weights_desc(), backward.diff_dst_desc());
        primitive_ = dnnl::convolution_backward_weights(backward);
        break;
      }
    }
  }

  void run(const float* first, const float* second, float* out) {
    switch (problem_.kind) {
      case Kind::forward:
        execute({{DNNL_ARG_SRC, x_.read(stream_, first)}, {DNNL_ARG_WEIGHTS, w_.read(stream_, second)}}, DNNL_ARG_DST,
                y_, out);
        break;
      case Kind::data:
        execute({{DNNL_ARG_DIFF_DST, y_.read(stream_, first)}, {DNNL_ARG_WEIGHTS, w_.read(stream_, second)}},
                DNNL_ARG_DIFF_SRC, x_, out);
        break;
      case Kind::filter:
        execute({{DNNL_ARG_SRC, x_.read(stream_, first)}, {DNNL_ARG_DIFF_DST, y_.read(stream_, second)}},
                DNNL_ARG_DIFF_WEIGHTS, w_, out);
        break;
    }
  }

 private:
  template <class Description>
  void adopt(const Description& description, const memory::desc& x, const memory::desc& w, const memory::desc& y) {
    x_ = Operand(problem_.x, problem_.x_stride, x, engine_);
    w_ = Operand(problem_.w, problem_.w_stride, w, engine_);
    y_ = Operand(problem_.y, problem_.y_stride, y, engine_);
    scratch_ = memory(description.scratchpad_desc(), engine_);
  }

  void execute(std::unordered_map<int, memory> arguments, int result, Operand& out, float* to) {
    arguments.insert({{result, out.write(to)}, {DNNL_ARG_SCRATCHPAD, scratch_}});
    primitive_.execute(stream_, arguments);
    out.written(stream_);
  }

  ConvolutionProblem problem_;
  dnnl::engine engine_;
  dnnl::stream stream_;
  Operand x_, w_, y_;
  memory scratch_;
  dnnl::primitive primitive_;
};

void blend_into(const Sizes& size, const Sizes& stride, const float* result, float* out, const Blend& blend) {
  for (int n = 0; n < size[0]; ++n)
    for (int h = 0; h < size[2]; ++h)
      for (int w = 0; w < size[3]; ++w)
        for (int c = 0; c < size[1]; ++c) {
          const auto at = std::size_t(n) * stride[0] + std::size_t(c) * stride[1] + std::size_t(h) * stride[2] +
                          std::size_t(w) * stride[3];
          out[at] = blend(result[at], out[at]);
        }
}

}  // namespace

void convolve(const ConvolutionProblem& problem, const float* first, const float* second, float* out,
              const Blend& blend) {
  // Reachable until the process ends: a stream's thread may still be running when statics are destroyed.
  static auto& pool = *new InstancePool<ConvolutionProblem, PreparedConvolution>;
  const OneThread one;
  const auto make = [&] { return std::make_unique<PreparedConvolution>(problem); };
  pool.with(problem, make, [&](PreparedConvolution& prepared) {
    if (blend.plain()) {
      prepared.run(first, second, out);
      return;
    }
    const auto& [size, stride] = problem.kind == Kind::forward ? std::tie(problem.y, problem.y_stride)
                                 : problem.kind == Kind::data  ? std::tie(problem.x, problem.x_stride)
                                                               : std::tie(problem.w, problem.w_stride);
    std::size_t span = 1;
    for (int i = 0; i < 4; ++i) span += std::size_t(size[i] - 1) * std::size_t(stride[i]);
    std::vector<float> result(span);
    prepared.run(first, second, result.data());
    blend_into(size, stride, result.data(), out, blend);
  });
}

}  // namespace sidestep::emulation::cudnn
