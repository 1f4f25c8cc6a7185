#include <algorithm>
#include <map>
#include <vector>
#include <dnnl.hpp>

#include <sidestep/kernels/cpu/onednn.hpp>
#include <sidestep/kernels/cpu/optimizer_step.hpp>

namespace sidestep::kernels::cpu {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;
using Pass = dnnl::prop_kind;

/// A convolution and nothing else, by oneDNN. Own layout: weight [filters][channels][k][k], as in ParameterInfo.
class OneDnnLinearConvolution final : public Layer {
 public:
  OneDnnLinearConvolution(const LinearConvolution& layer, const Shape& input)
      : spec_(layer),
        in_(input),
        out_{layer.filters, (input.height - 1) / layer.stride + 1, (input.width - 1) / layer.stride + 1},
        engine_(dnnl::engine::kind::cpu, 0) {}

  std::size_t tensors() const override { return 1; }
  std::size_t parameter_floats() const override { return spec_.filters * in_.channels * spec_.kernel * spec_.kernel; }
  void import_tensor(int, std::span<const float> values, float* own) const override {
    std::copy(values.begin(), values.end(), own);
  }
  void export_tensor(int, const float* own, std::span<float> values) const override {
    std::copy_n(own, values.size(), values.begin());
  }

  std::size_t gradient_floats() const override { return parameter_floats(); }
  std::size_t kept_floats(std::size_t) const override { return 0; }
  std::size_t scratch_floats(std::size_t) const override { return 0; }
  std::size_t update_scratch_floats(std::size_t) const override { return parameter_floats(); }

  void prepare(std::size_t samples, std::size_t workers) override {
    if (plans_.contains(samples)) return;
    single_threaded_onednn();
    plans_.emplace(samples, std::make_unique<Plan>(*this, samples, workers));
  }
  std::size_t release() override {
    std::size_t bytes = 0;
    for (const auto& [samples, plan] : plans_) bytes += plan->bytes();
    plans_.clear();
    return bytes;
  }
  void refresh(const float*) override { ++weights_version_; }

  void forward(const Slice& s, const float* weights, bool) override {
    Plan& plan = *plans_.find(s.samples)->second;
    Worker& w = plan.workers[static_cast<std::size_t>(s.worker)];
    if (w.forward_version != weights_version_) adopt(w, plan.import_forward, w.weights, weights, w.forward_version);
    w.source.set_data_handle(packed(s.input, in_, w.source_rows, s.samples));
    float* rows = padded(out_) ? w.output_rows.data() : s.output;
    w.output.set_data_handle(rows);
    plan.convolve.execute(w.stream, {{DNNL_ARG_SRC, w.source},
                                     {DNNL_ARG_WEIGHTS, w.weights},
                                     {DNNL_ARG_DST, w.output},
                                     {DNNL_ARG_SCRATCHPAD, w.scratch}});
    if (padded(out_)) copy_rows(rows, out_.size(), s.output, row_pitch(out_.size()), s.samples, out_.size());
  }

  void backward(const Slice& s, const float* weights) override {
    Plan& plan = *plans_.find(s.samples)->second;
    Worker& w = plan.workers[static_cast<std::size_t>(s.worker)];
    w.source.set_data_handle(packed(s.input, in_, w.source_rows, s.samples));
    w.output.set_data_handle(packed(s.output_gradient, out_, w.output_rows, s.samples));
    plan.weight_gradient.execute(w.stream, {{DNNL_ARG_SRC, w.source},
                                            {DNNL_ARG_DIFF_DST, w.output},
                                            {DNNL_ARG_DIFF_WEIGHTS, w.weights_gradient},
                                            {DNNL_ARG_SCRATCHPAD, w.scratch}});
    plan.export_gradient.execute(w.stream, w.weights_gradient, w.plain_weights);
    add(w.plain.data(), s.gradient, parameter_floats());

    if (!s.input_gradient) return;
    if (w.backward_version != weights_version_)
      adopt(w, plan.import_backward, w.backward_weights, weights, w.backward_version);
    const bool direct = !s.adds && !padded(in_);
    w.source.set_data_handle(direct ? s.input_gradient : w.source_rows.data());
    plan.data_gradient.execute(w.stream, {{DNNL_ARG_DIFF_DST, w.output},
                                          {DNNL_ARG_WEIGHTS, w.backward_weights},
                                          {DNNL_ARG_DIFF_SRC, w.source},
                                          {DNNL_ARG_SCRATCHPAD, w.scratch}});
    if (direct) return;
    for (std::size_t i = 0; i < s.samples; ++i) {
      const float* from = w.source_rows.data() + i * in_.size();
      float* to = s.input_gradient + i * row_pitch(in_.size());
      if (s.adds)
        add(from, to, in_.size());
      else
        std::copy_n(from, in_.size(), to);
    }
  }

  std::size_t update_tasks() const override { return 1; }
  void update(std::size_t, const Batch& b, const Update& update, const ParameterMemory& p) override {
    std::copy_n(b.gradients, parameter_floats(), b.scratch);
    for (std::size_t s = 1; s < b.slices; ++s) add(b.gradients + s * b.gradient_pitch, b.scratch, parameter_floats());
    apply_update(update, b.scratch, p.weights, p.first, p.second, parameter_floats());
    ++weights_version_;
  }

 private:
  struct Worker {
    dnnl::stream stream;
    Buffer source_rows, output_rows, plain;
    memory source, output, weights, backward_weights, weights_gradient, plain_weights, scratch;
    std::uint64_t forward_version = 0, backward_version = 0;  ///< of the weights that these hold
  };

  /// Primitives for one slice size, and each worker's memory for them.
  struct Plan {
    dnnl::convolution_forward convolve;
    dnnl::convolution_backward_weights weight_gradient;
    dnnl::convolution_backward_data data_gradient;
    dnnl::reorder import_forward, import_backward, export_gradient;
    std::vector<Worker> workers;

    Plan(const OneDnnLinearConvolution& c, std::size_t samples, std::size_t worker_count) {
      const auto d = [](std::size_t x) { return static_cast<memory::dim>(x); };
      const auto n = d(samples), k = d(c.spec_.kernel), half = d(c.spec_.kernel / 2), step = d(c.spec_.stride);
      const auto f32 = memory::data_type::f32;
      const memory::dims weights{d(c.out_.channels), d(c.in_.channels), k, k};
      const memory::desc source({n, d(c.in_.channels), d(c.in_.height), d(c.in_.width)}, f32, Tag::nhwc),
          output({n, d(c.out_.channels), d(c.out_.height), d(c.out_.width)}, f32, Tag::nhwc),
          any(weights, f32, Tag::any), plain(weights, f32, Tag::oihw);
      const memory::dims stride{step, step}, pad{half, half};
      const auto direct = dnnl::algorithm::convolution_direct;
      dnnl::primitive_attr user;
      user.set_scratchpad_mode(dnnl::scratchpad_mode::user);

      const dnnl::convolution_forward::primitive_desc forward_pd(
          {Pass::forward_training, direct, source, any, output, stride, pad, pad}, user, c.engine_);
      const dnnl::convolution_backward_weights::primitive_desc weights_pd(
          {direct, source, any, output, stride, pad, pad}, user, c.engine_, forward_pd);
      const dnnl::convolution_backward_data::primitive_desc data_pd({direct, source, any, output, stride, pad, pad},
                                                                    user, c.engine_, forward_pd);
      convolve = dnnl::convolution_forward(forward_pd);
      weight_gradient = dnnl::convolution_backward_weights(weights_pd);
      data_gradient = dnnl::convolution_backward_data(data_pd);

      const auto scratch = std::max({forward_pd.scratchpad_desc().get_size(), weights_pd.scratchpad_desc().get_size(),
                                     data_pd.scratchpad_desc().get_size()});
      const memory::desc scratch_md({d(scratch) + 1}, memory::data_type::u8, Tag::x);
      for (std::size_t i = 0; i < worker_count; ++i) {
        Worker w{dnnl::stream(c.engine_),
                 Buffer(samples * c.in_.size()),
                 Buffer(padded(c.out_) ? samples * c.out_.size() : 0),
                 Buffer(c.parameter_floats()),
                 memory(source, c.engine_, nullptr),
                 memory(output, c.engine_, nullptr),
                 memory(forward_pd.weights_desc(), c.engine_),
                 memory(data_pd.weights_desc(), c.engine_),
                 memory(weights_pd.diff_weights_desc(), c.engine_),
                 memory(plain, c.engine_, nullptr),
                 memory(scratch_md, c.engine_)};
        w.plain_weights.set_data_handle(w.plain.data());
        workers.push_back(std::move(w));
      }
      const Worker& w = workers.front();
      import_forward = dnnl::reorder(w.plain_weights, w.weights);
      import_backward = dnnl::reorder(w.plain_weights, w.backward_weights);
      export_gradient = dnnl::reorder(w.weights_gradient, w.plain_weights);
    }

    std::size_t bytes() const {
      std::size_t sum = 0;
      for (const auto& w : workers) {
        sum += w.source_rows.bytes() + w.output_rows.bytes() + w.plain.bytes();
        for (const auto* m : {&w.weights, &w.backward_weights, &w.weights_gradient, &w.scratch})
          sum += m->get_desc().get_size();
      }
      return sum;
    }
  };

  /// Puts the weights into the worker's memory in the form that a primitive wants, once for each change of them.
  void adopt(Worker& w, dnnl::reorder& import, memory& to, const float* weights, std::uint64_t& version) {
    std::copy_n(weights, parameter_floats(), w.plain.data());
    import.execute(w.stream, w.plain_weights, to);
    version = weights_version_;
  }

  static bool padded(const Shape& shape) { return row_pitch(shape.size()) != shape.size(); }
  /// The rows without the padding between them: as they are if there is none, otherwise copied.
  static float* packed(const float* rows, const Shape& shape, Buffer& copy, std::size_t count) {
    if (!padded(shape)) return const_cast<float*>(rows);
    copy_rows(rows, row_pitch(shape.size()), copy.data(), shape.size(), count, shape.size());
    return copy.data();
  }
  static void copy_rows(const float* from, std::size_t from_pitch, float* to, std::size_t to_pitch, std::size_t rows,
                        std::size_t n) {
    for (std::size_t r = 0; r < rows; ++r) std::copy_n(from + r * from_pitch, n, to + r * to_pitch);
  }
  static void add(const float* from, float* to, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) to[i] += from[i];
  }

  LinearConvolution spec_;
  Shape in_, out_;
  dnnl::engine engine_;
  std::map<std::size_t, std::unique_ptr<Plan>> plans_;
  std::uint64_t weights_version_ = 1;
};

}  // namespace

std::unique_ptr<Layer> make_onednn_linear_convolution(const LinearConvolution& layer, const Shape& input) {
  return std::make_unique<OneDnnLinearConvolution>(layer, input);
}

}  // namespace sidestep::kernels::cpu
