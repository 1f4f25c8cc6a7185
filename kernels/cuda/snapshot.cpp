#include <sidestep/kernels/cuda/snapshot.hpp>

#include <sidestep/kernels/cuda/planted.hpp>

namespace sidestep::kernels::cuda {

CudaSnapshot::CudaSnapshot(std::shared_ptr<Home> home, std::size_t count, Contents contents)
    : home_(std::move(home)),
      contents_(contents),
      copy_(home_->pool, count, home_->snapshots),
      host_(count),
      copied_(make_event()),
      arrived_(make_event()) {
  // take comes behind the allocation; nothing on that stream is a copy to the host
  SIDESTEP_CHECK(cudaEventRecord(copied_, home_->snapshots));
  SIDESTEP_CHECK(cudaStreamWaitEvent(home_->stream, copied_, 0));
  home_->snapshot_bytes.fetch_add(copy_.bytes(), std::memory_order_relaxed);  // as in Home
}

CudaSnapshot::~CudaSnapshot() {
  home_->snapshot_bytes.fetch_sub(copy_.bytes(), std::memory_order_relaxed);  // as in Home
  // The copy to the host may be under way, which the free of pinned memory wouldn't wait for.
  static_cast<void>(cudaEventSynchronize(arrived_));
  // The device's copy is freed on a stream of its own: this may be any thread, and the training stream may be under
  // capture by its own; and behind the side stream the next allocation would wait for copies to the host. What
  // put_back enqueued comes first.
  static_cast<void>(cudaStreamWaitEvent(home_->snapshots, copied_, 0));
}

void CudaSnapshot::take(const float* state) {
  const cudaStream_t stream = home_->stream;
  // One that is used again has mostly been read, and its last copy to the host come: then this asks for nothing.
  if (under_way_ && cudaEventQuery(arrived_) != cudaSuccess) SIDESTEP_CHECK(cudaStreamWaitEvent(stream, arrived_, 0));
  under_way_ = false;
  SIDESTEP_CHECK(cudaMemcpyAsync(copy_.data(), state, copy_.bytes(), cudaMemcpyDeviceToDevice, stream));
  SIDESTEP_CHECK(cudaEventRecord(copied_, stream));
  if (contents_ == Contents::everything) set_out();
}

void CudaSnapshot::set_out() const {
  const cudaStream_t side = home_->side;
  if (!PLANTED(snapshot_no_wait)) SIDESTEP_CHECK(cudaStreamWaitEvent(side, copied_, 0));
  SIDESTEP_CHECK(cudaMemcpyAsync(host_.data(), copy_.data(), copy_.bytes(), cudaMemcpyDeviceToHost, side));
  SIDESTEP_CHECK(cudaEventRecord(arrived_, side));
  under_way_ = true;
}

void CudaSnapshot::put_back(float* state) const {
  SIDESTEP_CHECK(cudaMemcpyAsync(state, copy_.data(), copy_.bytes(), cudaMemcpyDeviceToDevice, home_->stream));
  SIDESTEP_CHECK(cudaEventRecord(copied_, home_->stream));
}

const float* CudaSnapshot::on_host() const {
  {
    const std::lock_guard lock(mutex_);
    if (!under_way_) set_out();
  }
  SIDESTEP_CHECK(cudaEventSynchronize(arrived_));
  return host_.data();
}

const CudaSnapshot& CudaSnapshot::of(const Snapshot& snapshot, std::size_t weights, std::size_t everything) {
  const auto* found = dynamic_cast<const CudaSnapshot*>(&snapshot);
  if (!found || found->size() != (found->contents() == Contents::weights ? weights : everything))
    throw ShapeError("the snapshot is of another network; restore it into the session that made it");
  return *found;
}

}  // namespace sidestep::kernels::cuda
