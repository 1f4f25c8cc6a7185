#include <sidestep/kernels/cpu/session.hpp>

#include <fmt/format.h>

#include <sidestep/kernels/cpu/engine.hpp>
#include <sidestep/kernels/cpu/samples.hpp>

namespace sidestep::kernels {
namespace {

using namespace cpu;

/// Checks what it is given; the engine computes.
class CpuSession final : public Session {
 public:
  CpuSession(const NetworkSpec& spec, const CpuOptions& options)
      : spec_(spec),
        options_(options),
        path_(resolve(options.path)),
        classes_(kernels::classes(spec)),
        smallest_batch_(kernels::smallest_batch(spec)),
        program_(make_program(spec, options)),
        state_(spec, options.optimizer, program_),
        engine_(spec_, program_, state_, options.threads, options.slice) {
    if (options.slice == 0) throw ShapeError("a slice of 0 samples goes nowhere; 16 is a good size");
    initialise(options.seed);
  }

  const NetworkSpec& network() const override { return spec_; }
  std::string description() const override {
    return fmt::format("cpu {}, {} thread{}", name(path_), engine_.workers(), engine_.workers() == 1 ? "" : "s");
  }

  DataId attach(const DatasetView& data) override {
    check(data, classes_);
    data_.push_back(data);
    return static_cast<DataId>(data_.size() - 1);
  }

  void submit(DataId id, std::span<const std::uint32_t> indices, const StepInput& input) override {
    const DatasetView& samples = data(id);
    check(samples, indices);
    if (indices.size() < smallest_batch_)
      throw ShapeError(
          fmt::format("a batch of {} gives a normalisation one value a channel, which has no variance; "
                      "take at least {} samples",
                      indices.size(), smallest_batch_));
    const StepRecord record = engine_.train(samples, indices, input, options_.optimizer);
    if (taken_ == records_.size()) records_.clear(), taken_ = 0;
    records_.push_back(record);
  }

  bool poll(StepRecord& record) override {
    if (in_flight() == 0) return false;
    record = records_[taken_++];
    return true;
  }
  StepRecord wait() override {
    StepRecord record;
    if (!poll(record)) throw Error("no training step is under way; submit one before waiting for its record");
    return record;
  }
  std::size_t in_flight() const override { return records_.size() - taken_; }

  Evaluation evaluate(DataId id, std::size_t first, std::size_t count) override {
    const DatasetView& samples = data(id);
    if (first > samples.count || count > samples.count - first)
      throw DataError(
          fmt::format("samples {} to {} do not exist; the data set has {}", first, first + count, samples.count));
    return engine_.evaluate(samples, first, count);
  }

  const std::vector<TensorInfo>& tensors() const override { return state_.tensors(); }
  void read(std::size_t tensor, std::span<float> values) const override { state_.read(tensor, values); }
  void write(std::size_t tensor, std::span<const float> values) override {
    state_.write(tensor, values);
    engine_.refresh();
  }
  void initialise(std::uint64_t seed) override {
    state_.initialise(spec_, seed);
    engine_.refresh();
  }
  std::unique_ptr<Snapshot> snapshot(Contents contents, std::unique_ptr<Snapshot> reuse) override {
    return state_.snapshot(contents, std::move(reuse));
  }
  void restore(const Snapshot& snapshot) override {
    state_.restore(snapshot);
    engine_.refresh();
  }
  void read(const Snapshot& snapshot, std::size_t tensor, std::span<float> values) const override {
    state_.read(snapshot, tensor, values);
  }

  std::size_t release_memory() override { return engine_.release(); }

 private:
  const DatasetView& data(DataId id) const {
    const auto i = static_cast<std::size_t>(id);
    if (i >= data_.size()) throw DataError("this data set was not attached to the session; call attach first");
    return data_[i];
  }

  NetworkSpec spec_;
  CpuOptions options_;
  CpuPath path_;
  std::size_t classes_, smallest_batch_;
  Program program_;
  State state_;
  Engine engine_;
  std::vector<DatasetView> data_;
  std::vector<StepRecord> records_;  ///< those before taken_ have been taken
  std::size_t taken_ = 0;
};

}  // namespace

std::unique_ptr<Session> make_cpu_session(const NetworkSpec& spec, const CpuOptions& options) {
  if (!supported(options.path))
    throw UnsupportedError(
        fmt::format("this CPU cannot run the {} kernels; choose CpuPath::automatic", name(options.path)));
  return std::make_unique<CpuSession>(spec, options);
}

}  // namespace sidestep::kernels
