#include <sidestep/kernels/cuda/step_ring.hpp>

#include <algorithm>
#include <cuda/atomic>

#include <sidestep/kernels/cuda/planted.hpp>

namespace sidestep::kernels::cuda {
namespace {

using SystemWord = ::cuda::atomic_ref<std::uint64_t, ::cuda::thread_scope_system>;

}  // namespace

StepRing::StepRing(std::size_t depth, std::size_t samples, std::uint64_t done)
    : depth_(depth),
      samples_(samples),
      // a multiple of 16, the device's loads; and a line of its own for each block's begin
      pitch_((sizeof(StepParameters) + samples * sizeof(std::uint32_t) + 63) / 64 * 64),
      blocks_(depth * pitch_),
      records_(depth),
      written_(done),
      arrived_(done) {}

ParameterRing StepRing::blocks_on_device() const {
  return {blocks_.on_device(), pitch_, static_cast<std::uint32_t>(depth_)};
}

void StepRing::write(const StepParameters& parameters, std::span<const std::uint32_t> indices) {
  StepParameters& to = block(PLANTED(block_overwritten_early) && !empty() ? arrived_ : written_);
  to = parameters;
  std::copy(indices.begin(), indices.end(), reinterpret_cast<std::uint32_t*>(&to + 1));
  ++written_;
}

bool StepRing::arrived(StepRecord& record) {
  if (empty()) return false;
  RecordSlot& slot = records_[arrived_ % depth_];
  // acquire at system scope: pairs with the release in write_record (step_kernels.cu)
  if (SystemWord(slot.published).load(::cuda::memory_order_acquire) != arrived_ + 1) return false;
  record = {.step = slot.step,
            .loss = slot.loss,
            .correct = slot.correct,
            .samples = slot.samples,
            .gradient_norm = slot.gradient_norm,
            .device_ns = slot.device_ns};
  ++arrived_;
  return true;
}

std::uint64_t StepRing::oldest_unpublished_step() const {
  for (std::uint64_t number = arrived_; number != written_; ++number)
    // acquire: as in arrived()
    if (SystemWord(records_[number % depth_].published).load(::cuda::memory_order_acquire) != number + 1)
      return block(number).step;
  return 0;
}

}  // namespace sidestep::kernels::cuda
