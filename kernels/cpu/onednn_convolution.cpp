#include <algorithm>
#include <map>
#include <vector>
#include <dnnl.hpp>

#include <sidestep/kernels/cpu/onednn.hpp>
#include <sidestep/kernels/cpu/optimizer_step.hpp>

// libgomp's, which Debian's oneDNN is built with; declared here because <omp.h> belongs to whichever compiler builds
// us.
extern "C" void omp_set_num_threads(int);

namespace sidestep::kernels::cpu {

void single_threaded_onednn() { omp_set_num_threads(1); }

namespace {

using dnnl::memory;
using Tag = memory::format_tag;
using Pass = dnnl::prop_kind;

/// Convolution, ReLU and 2x2 max-pool by oneDNN. Own layout: weight [filters][channels][k][k] and bias, as in
/// ParameterInfo.
class OneDnnConvolution final : public Layer {
 public:
  OneDnnConvolution(const Convolution& layer, const Shape& input)
      : in_(input), filters_(layer.filters), kernel_(layer.kernel), engine_(dnnl::engine::kind::cpu, 0) {}

  std::size_t parameter_floats() const override { return weight_floats() + filters_; }
  std::size_t gradient_floats() const override { return round_up(parameter_floats(), row_multiple); }
  bool keeps() const override { return true; }
  std::size_t kept_floats(std::size_t) const override { return 0; }
  std::size_t scratch_floats(std::size_t) const override { return 0; }
  std::size_t update_scratch_floats(std::size_t) const override { return parameter_floats(); }

  void import_tensor(int tensor, std::span<const float> values, float* own) const override {
    std::copy(values.begin(), values.end(), own + (tensor ? weight_floats() : 0));
  }
  void export_tensor(int tensor, const float* own, std::span<float> values) const override {
    std::copy_n(own + (tensor ? weight_floats() : 0), values.size(), values.begin());
  }

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
    adopt(plan, w, weights);
    w.source.set_data_handle(const_cast<float*>(dense_rows(s.input, w.input_rows, s.samples, in_.size())));
    plan.convolve.execute(w.stream, {{DNNL_ARG_SRC, w.source},
                                     {DNNL_ARG_WEIGHTS, w.weights},
                                     {DNNL_ARG_BIAS, w.bias},
                                     {DNNL_ARG_DST, w.activation},
                                     {DNNL_ARG_SCRATCHPAD, w.scratch}});
    plan.pool.execute(w.stream,
                      {{DNNL_ARG_SRC, w.activation}, {DNNL_ARG_DST, w.pooled}, {DNNL_ARG_WORKSPACE, w.choice}});
    copy_rows(static_cast<const float*>(w.pooled.get_data_handle()), pooled(), s.output, row_pitch(pooled()), s.samples,
              pooled());
  }

  void backward(const Slice& s, const float* weights) override {
    Plan& plan = *plans_.find(s.samples)->second;
    Worker& w = plan.workers[static_cast<std::size_t>(s.worker)];
    copy_rows(s.output_gradient, row_pitch(pooled()), static_cast<float*>(w.pooled.get_data_handle()), pooled(),
              s.samples, pooled());
    plan.unpool.execute(
        w.stream,
        {{DNNL_ARG_DIFF_DST, w.pooled}, {DNNL_ARG_WORKSPACE, w.choice}, {DNNL_ARG_DIFF_SRC, w.activation_gradient}});
    const auto* activation = static_cast<const float*>(w.activation.get_data_handle());
    auto* gradient = static_cast<float*>(w.activation_gradient.get_data_handle());
    for (std::size_t i = 0; i < s.samples * filters_ * in_.height * in_.width; ++i)
      gradient[i] = activation[i] > 0.0f ? gradient[i] : 0.0f;

    w.source.set_data_handle(const_cast<float*>(dense_rows(s.input, w.input_rows, s.samples, in_.size())));
    plan.weight_gradient.execute(w.stream, {{DNNL_ARG_SRC, w.source},
                                            {DNNL_ARG_DIFF_DST, w.activation_gradient},
                                            {DNNL_ARG_DIFF_WEIGHTS, w.weights_gradient},
                                            {DNNL_ARG_DIFF_BIAS, w.bias_gradient},
                                            {DNNL_ARG_SCRATCHPAD, w.scratch}});
    plan.export_gradient.execute(w.stream, w.weights_gradient, w.plain_weights);
    add(static_cast<const float*>(w.plain_weights.get_data_handle()), s.gradient, weight_floats());
    add(static_cast<const float*>(w.bias_gradient.get_data_handle()), s.gradient + weight_floats(), filters_);

    if (!s.input_gradient) return;
    w.plain_weights.set_data_handle(w.plain.data());
    std::copy_n(weights, weight_floats(), w.plain.data());
    plan.import_backward.execute(w.stream, w.plain_weights, w.backward_weights);
    plan.data_gradient.execute(w.stream, {{DNNL_ARG_DIFF_DST, w.activation_gradient},
                                          {DNNL_ARG_WEIGHTS, w.backward_weights},
                                          {DNNL_ARG_DIFF_SRC, w.source_gradient},
                                          {DNNL_ARG_SCRATCHPAD, w.scratch}});
    copy_rows(static_cast<const float*>(w.source_gradient.get_data_handle()), in_.size(), s.input_gradient,
              row_pitch(in_.size()), s.samples, in_.size());
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
    Buffer input_rows, plain;
    memory source, weights, bias, activation, pooled, choice, activation_gradient, weights_gradient, bias_gradient;
    memory plain_weights, backward_weights, source_gradient, scratch;
    std::uint64_t version = 0;  ///< of the weights that `weights` holds
  };

  /// Primitives for one slice size, and each worker's memory for them.
  struct Plan {
    dnnl::convolution_forward convolve;
    dnnl::pooling_v2_forward pool;
    dnnl::pooling_v2_backward unpool;
    dnnl::convolution_backward_weights weight_gradient;
    dnnl::convolution_backward_data data_gradient;
    dnnl::reorder import_forward, import_backward, export_gradient;
    std::vector<Worker> workers;

    Plan(const OneDnnConvolution& c, std::size_t samples, std::size_t worker_count) {
      const auto d = [](std::size_t x) { return static_cast<memory::dim>(x); };
      const auto n = d(samples), k = d(c.kernel_), half = d(c.kernel_ / 2);
      const memory::dims source{n, d(c.in_.channels), d(c.in_.height), d(c.in_.width)};
      const memory::dims weights{d(c.filters_), source[1], k, k}, bias{d(c.filters_)};
      const memory::dims full{n, bias[0], source[2], source[3]}, halved{n, bias[0], source[2] / 2, source[3] / 2};
      const auto f32 = memory::data_type::f32;
      const memory::desc source_md(source, f32, Tag::nhwc), full_md(full, f32, Tag::nhwc),
          halved_md(halved, f32, Tag::nhwc);
      const memory::desc any_weights(weights, f32, Tag::any), plain_md(weights, f32, Tag::oihw),
          bias_md(bias, f32, Tag::x);
      const memory::dims one{1, 1}, two{2, 2}, none{0, 0}, pad{half, half};
      const auto direct = dnnl::algorithm::convolution_direct;

      dnnl::primitive_attr user, relu;
      user.set_scratchpad_mode(dnnl::scratchpad_mode::user);
      relu.set_scratchpad_mode(dnnl::scratchpad_mode::user);
      dnnl::post_ops after;
      after.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
      relu.set_post_ops(after);

      const dnnl::convolution_forward::primitive_desc convolve_pd(
          {Pass::forward_training, direct, source_md, any_weights, bias_md, full_md, one, pad, pad}, relu, c.engine_);
      const dnnl::convolution_forward::primitive_desc hint(
          {Pass::forward_training, direct, source_md, any_weights, bias_md, full_md, one, pad, pad}, user, c.engine_);
      const dnnl::pooling_v2_forward::primitive_desc pool_pd(
          {Pass::forward_training, dnnl::algorithm::pooling_max, full_md, halved_md, two, two, none, none, none},
          c.engine_);
      const dnnl::pooling_v2_backward::primitive_desc unpool_pd(
          {dnnl::algorithm::pooling_max, full_md, halved_md, two, two, none, none, none}, c.engine_, pool_pd);
      const dnnl::convolution_backward_weights::primitive_desc weights_pd(
          {direct, source_md, any_weights, bias_md, full_md, one, pad, pad}, user, c.engine_, hint);
      const dnnl::convolution_backward_data::primitive_desc data_pd(
          {direct, source_md, any_weights, full_md, one, pad, pad}, user, c.engine_, hint);
      convolve = dnnl::convolution_forward(convolve_pd);
      pool = dnnl::pooling_v2_forward(pool_pd);
      unpool = dnnl::pooling_v2_backward(unpool_pd);
      weight_gradient = dnnl::convolution_backward_weights(weights_pd);
      data_gradient = dnnl::convolution_backward_data(data_pd);

      const auto scratch = std::max({convolve_pd.scratchpad_desc().get_size(), weights_pd.scratchpad_desc().get_size(),
                                     data_pd.scratchpad_desc().get_size()});
      const memory::desc scratch_md({d(scratch) + 1}, memory::data_type::u8, Tag::x);
      for (std::size_t i = 0; i < worker_count; ++i) {
        const auto make = [&](const memory::desc& md) { return memory(md, c.engine_); };
        Worker w{dnnl::stream(c.engine_),
                 Buffer(samples * c.in_.size()),
                 Buffer(c.weight_floats()),
                 memory(source_md, c.engine_, nullptr),
                 make(convolve_pd.weights_desc()),
                 make(bias_md),
                 make(full_md),
                 make(halved_md),
                 make(pool_pd.workspace_desc()),
                 make(full_md),
                 make(weights_pd.diff_weights_desc()),
                 make(bias_md),
                 make(plain_md),
                 make(data_pd.weights_desc()),
                 make(source_md),
                 make(scratch_md)};
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
      for (const auto& w : workers)
        for (const auto* m : {&w.weights, &w.activation, &w.pooled, &w.choice, &w.activation_gradient,
                              &w.weights_gradient, &w.backward_weights, &w.source_gradient, &w.scratch})
          sum += m->get_desc().get_size();
      return sum;
    }
  };

  std::size_t weight_floats() const { return filters_ * in_.channels * kernel_ * kernel_; }
  std::size_t pooled() const { return filters_ * (in_.height / 2) * (in_.width / 2); }

  /// Puts the weights into the worker's memory in the form that the primitive wants, once for each change of them.
  void adopt(Plan& plan, Worker& w, const float* weights) {
    if (w.version == weights_version_) return;
    std::copy_n(weights, weight_floats(), w.plain.data());
    std::copy_n(weights + weight_floats(), filters_, static_cast<float*>(w.bias.get_data_handle()));
    plan.import_forward.execute(w.stream, w.plain_weights, w.weights);
    w.version = weights_version_;
  }

  static void add(const float* from, float* to, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) to[i] += from[i];
  }
  static void copy_rows(const float* from, std::size_t from_pitch, float* to, std::size_t to_pitch, std::size_t rows,
                        std::size_t n) {
    for (std::size_t r = 0; r < rows; ++r) std::copy_n(from + r * from_pitch, n, to + r * to_pitch);
  }
  /// The rows without the padding between them: as they are if there is none, otherwise copied.
  static const float* dense_rows(const float* rows, Buffer& copy, std::size_t count, std::size_t n) {
    if (row_pitch(n) == n) return rows;
    copy_rows(rows, row_pitch(n), copy.data(), n, count, n);
    return copy.data();
  }

  Shape in_;
  std::size_t filters_, kernel_;
  dnnl::engine engine_;
  std::map<std::size_t, std::unique_ptr<Plan>> plans_;
  std::uint64_t weights_version_ = 1;
};

}  // namespace

std::unique_ptr<Layer> make_onednn_convolution(const Convolution& layer, const Shape& input) {
  return std::make_unique<OneDnnConvolution>(layer, input);
}

}  // namespace sidestep::kernels::cpu
