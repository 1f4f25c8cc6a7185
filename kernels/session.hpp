#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <sidestep/kernels/error.hpp>
#include <sidestep/kernels/network.hpp>
#include <sidestep/kernels/optimizer.hpp>

namespace sidestep::kernels {

/// Samples as they lie in memory: one byte a value, in the order channel, row, column. A network sees
/// (x / 255 - mean) / deviation. The memory belongs to the caller and must outlive the session.
struct DatasetView {
  const std::uint8_t* images = nullptr;
  const std::uint8_t* labels = nullptr;
  std::size_t count = 0;
  float mean = 0.0f;
  float deviation = 1.0f;
};

/// A data set that a session knows.
enum class DataId : std::uint32_t {};

struct StepInput {
  double learning_rate = 1e-3;
  std::uint64_t step = 1;  ///< counted from 1; AdamW's t
  /// The batch after this one, if known: its samples are fetched into the cache while this one runs.
  std::span<const std::uint32_t> upcoming = {};
};

/// What one training step measured, with the weights from before its update.
struct StepRecord {
  std::uint64_t step = 0;
  double loss = 0.0;  ///< mean cross-entropy over the batch, in nats
  std::uint32_t correct = 0;
  std::uint32_t samples = 0;
  float gradient_norm = std::numeric_limits<float>::quiet_NaN();  ///< over all parameters; NaN: not measured
  std::uint64_t device_ns = 0;                                    ///< the device's timer at the step's end; 0: none
};

struct Evaluation {
  double loss = 0.0;  ///< mean over the samples
  std::uint64_t correct = 0;
  std::uint64_t samples = 0;

  double accuracy() const { return samples ? static_cast<double>(correct) / static_cast<double>(samples) : 0.0; }
};

/// A tensor of the session's state: a parameter (conv1.weight), a running statistic (norm1.running_mean), or what the
/// optimizer keeps for a parameter (conv1.weight.m and conv1.weight.v for AdamW, conv1.weight.momentum for SGD).
struct TensorInfo {
  std::string name;
  std::vector<std::size_t> shape;
  std::size_t size = 0;  ///< product of shape
  bool weight = true;    ///< false for optimizer state
};

/// What a snapshot holds.
enum class Contents { weights, everything };

/// A copy of a session's tensors, in the backend's memory and layout. Made by Session::snapshot.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
  virtual Contents contents() const = 0;
  virtual std::size_t bytes() const = 0;
};

/// A network with its weights and its optimizer on some backend. Used from one thread; what it runs inside is its own
/// affair. Tensors are read and written in the layout of ParameterInfo, whatever layout the backend computes in.
///
///   const DataId data = session.attach(view);
///   session.submit(data, indices, {.learning_rate = 1e-3, .step = 1});
///   while (session.poll(record)) publish(record);
class Session {
 public:
  virtual ~Session() = default;

  virtual const NetworkSpec& network() const = 0;
  virtual std::string description() const = 0;  ///< "cpu avx2, 2 threads"

  /// Makes a data set known. Throws DataError if a label is not a class of the network.
  virtual DataId attach(const DatasetView& data) = 0;

  /// Takes at once what steps on this many samples of the data need, with evaluations and snapshots beside them: so
  /// that a lack of memory is found before the first step, and an evaluation's last bits don't depend on the steps
  /// before it. Throws as submit.
  virtual void prepare(DataId data, std::size_t samples) { static_cast<void>(data), static_cast<void>(samples); }

  /// Begins one training step on these samples. A device may still be at work when this returns; steps complete in
  /// order. Throws ShapeError for a batch below smallest_batch(network()), DataError for an index past the end; then
  /// nothing has begun.
  virtual void submit(DataId data, std::span<const std::uint32_t> indices, const StepInput& input) = 0;

  /// Takes the oldest record that has arrived and not been taken; false if there is none. Never waits.
  virtual bool poll(StepRecord& record) = 0;

  /// Takes the oldest record not taken yet, and waits for it. Throws Error if no step is under way.
  virtual StepRecord wait() = 0;

  /// Steps submitted whose records have not been taken.
  virtual std::size_t in_flight() const = 0;

  /// Loss and correct answers on samples [first, first + count), with the present weights; forward only.
  virtual Evaluation evaluate(DataId data, std::size_t first, std::size_t count) = 0;

  /// All tensors, parameters first, in a fixed order. The index in this list names a tensor below.
  virtual const std::vector<TensorInfo>& tensors() const = 0;
  virtual void read(std::size_t tensor, std::span<float> values) const = 0;
  virtual void write(std::size_t tensor, std::span<const float> values) = 0;

  /// Sets all parameters anew: uniform in +-1/sqrt(fan_in), as PyTorch's layers do by default (Kaiming uniform with
  /// a = sqrt(5)); a normalisation's weight and running variance 1, its bias and running mean 0; optimizer state zero.
  /// The same numbers on every backend: Philox4x32-10, keyed by the seed.
  virtual void initialise(std::uint64_t seed) = 0;

  /// Copies the present tensors. `reuse`, if given, is an earlier snapshot of this session whose memory is taken over.
  virtual std::unique_ptr<Snapshot> snapshot(Contents contents, std::unique_ptr<Snapshot> reuse = nullptr) = 0;
  /// Puts back what a snapshot of this session holds. Throws ShapeError for another network's snapshot.
  virtual void restore(const Snapshot& snapshot) = 0;
  /// As read, from a snapshot. May be called from another thread while the session goes on. Throws ShapeError for
  /// optimizer state of a snapshot that holds weights only.
  virtual void read(const Snapshot& snapshot, std::size_t tensor, std::span<float> values) const = 0;

  /// Gives cached working memory back; it returns when next needed. Returns the number of bytes.
  virtual std::size_t release_memory() = 0;
};

}  // namespace sidestep::kernels
