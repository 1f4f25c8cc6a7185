#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <sidestep/kernels/cuda/memory.hpp>
#include <sidestep/kernels/cuda/step_kernels.hpp>
#include <sidestep/kernels/session.hpp>

namespace sidestep::kernels::cuda {

/// The two rings through which host and device talk about steps, both in mapped pinned memory: parameter blocks to the
/// device, records back. Block and slot of step n are n % depth.
///
/// Invariant: a block is written only when the record of the step that used it last has come back; so the device reads
/// no block while it changes, and no record is overwritten before it was read. The device's release of a record and the
/// host's acquire in arrived() order the device's reads before the host's next write.
class StepRing {
 public:
  StepRing() = default;
  /// `depth` steps may be under way, each of at most `samples` samples. `done` steps have ended on the device before.
  StepRing(std::size_t depth, std::size_t samples, std::uint64_t done);

  std::size_t samples() const { return samples_; }
  ParameterRing blocks_on_device() const;
  RecordSlot* records_on_device() const { return records_.on_device(); }
  std::uint32_t depth() const { return static_cast<std::uint32_t>(depth_); }

  bool full() const { return written_ - arrived_ == depth_; }
  bool empty() const { return written_ == arrived_; }
  std::uint64_t written() const { return written_; }
  /// Writes the next step's block. The ring must not be full.
  void write(const StepParameters& parameters, std::span<const std::uint32_t> indices);
  /// Takes back the last write: its step was not launched.
  void unwrite() { --written_; }
  /// Takes the oldest record if the device has published it.
  bool arrived(StepRecord& record);
  /// Steps written whose records haven't been taken.
  std::size_t under_way() const { return written_ - arrived_; }
  /// Number (StepRecord::step) of the oldest step that the device has published no record of; 0 if there is none.
  std::uint64_t oldest_unpublished_step() const;

 private:
  StepParameters& block(std::uint64_t number) const {
    return *reinterpret_cast<StepParameters*>(blocks_.data() + number % depth_ * pitch_);
  }

  std::size_t depth_ = 0, samples_ = 0, pitch_ = 0;
  PinnedBuffer<unsigned char> blocks_;
  PinnedBuffer<RecordSlot> records_;
  std::uint64_t written_ = 0, arrived_ = 0;
};

}  // namespace sidestep::kernels::cuda
