#pragma once

#include <sidestep/bus/types.hpp>
#include <sidestep/trainer/control/decision.hpp>
#include <sidestep/trainer/control/sync.hpp>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sidestep {

/// What ended the part of the run that an event belongs to.
enum class Segment : std::uint8_t {
  batch,
  validation,
  epoch,
  fit,
  next  ///< only in a checkpoint: the one behind the cut, whatever will end it
};
std::string_view name_of(Segment segment) noexcept;

/// Where a checkpoint is cut: right after everything that this boundary applied.
struct Cut {
  std::uint64_t number = 0;  ///< 1, 2, 3 ... in this process
  Step step = 0;
  Epoch epoch = 0;
  std::int32_t batch = 0;  ///< the last batch of the epoch that is in it
  /// Epoch: the epoch is over, the next one begins; batch: it goes on behind `batch`.
  Segment segment = Segment::batch;
  std::vector<std::string> files;  ///< under which names
};

/// A decision that was applied, as the report has it.
struct AppliedRow {
  std::string decision, by, reason;
  std::optional<Step> cause_step;  ///< none: asked for from outside the stream
  Step applied_step = 0;
  double value = 0, learning_rate = 0;
  std::string file{};  ///< of SaveCheckpoint; empty for all others
  friend bool operator==(const AppliedRow&, const AppliedRow&) = default;
};

/// One that wasn't, and why.
struct RefusedRow {
  std::string decision, by, why;
  std::optional<Step> cause_step;
  Step step = 0;
  friend bool operator==(const RefusedRow&, const RefusedRow&) = default;
};

/// A decision that was asked for and isn't in effect yet.
struct PendingRow {
  std::optional<Step> due_step;  ///< none: at the first boundary
  Step cause_step = 0;
  Segment segment = Segment::batch;  ///< of its cause
  std::string pipeline;              ///< the key of the pipeline that asked
  std::string by;
  std::uint64_t count = 0;  ///< which of that pipeline's requests
  std::string decision;
  std::vector<std::byte> argument;
  friend bool operator==(const PendingRow&, const PendingRow&) = default;
};

/// A pipeline's state as of the cut.
struct PipelineState {
  std::string key;
  std::uint64_t requests = 0;                 ///< how many decisions it has asked for
  std::vector<std::vector<std::byte>> parts;  ///< one for each of its threads
  std::string without;  ///< why there is no state (it failed, it depends on the wall clock); empty: there is
  friend bool operator==(const PipelineState&, const PipelineState&) = default;
};

/// A broken promise of reproducibility.
struct BrokenRow {
  Step step = 0;
  std::string by, why;
  friend bool operator==(const BrokenRow&, const BrokenRow&) = default;
};

/// Everything in a checkpoint that isn't weights or the user's own. No clock, no path, no thread count, no sequence
/// number: equal runs have equal texts.
struct CheckpointState {
  Step step = 0;
  Epoch epoch = 0;
  std::int32_t batch = 0;
  Segment segment = Segment::batch;
  Sync sync;
  double learning_rate = 0;              ///< of the last step
  std::vector<PendingRow> pending;       ///< in the order in which they will be applied
  std::vector<PipelineState> pipelines;  ///< in order of registration
  std::vector<AppliedRow> decisions;     ///< the report's rows up to the cut
  std::vector<RefusedRow> refused;
  std::vector<BrokenRow> broken;
  std::vector<std::pair<std::string, std::string>>
      superseded;     ///< (file, superseding file): to delete when a `last` is visible
  bool last = false;  ///< one of the cut's names was a `last`: what is superseded goes with it

  /// JSON, bytes as hexadecimal; safe in the `__metadata__` of a safetensors file and anywhere else that text may
  /// stand.
  std::string to_text() const;
  /// Throws CheckpointError naming what is wrong; `where` names the file in it.
  static CheckpointState from_text(std::string_view text, std::string_view where = "checkpoint");
};

/// Under this name CheckpointState::to_text() stands in the metadata of our safetensors files.
inline constexpr const char* checkpoint_key = "sidestep";

/// Writes one checkpoint to `path` (a temporary name; syncing and renaming aren't its job). Called on control's writer
/// thread, once, when every pipeline has answered. Throws what it likes: the checkpoint is given up and reported, the
/// run goes on.
using CheckpointWriter = std::function<void(const std::filesystem::path& path, const CheckpointState& state)>;
/// Copies what belongs in a checkpoint, on the loop's thread, at the cut, and returns who will write it.
using Snapshot = std::function<CheckpointWriter(const Cut& cut)>;

}  // namespace sidestep
