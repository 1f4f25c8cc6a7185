#include <sidestep/kernels/cuda/parameters.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include <sidestep/kernels/cuda/snapshot.hpp>
#include <sidestep/kernels/initialise.hpp>

namespace sidestep::kernels::cuda {
namespace {

constexpr std::size_t alignment = 64;  ///< floats: 256 bytes, what libraries like best

std::size_t padded(std::size_t floats) { return (floats + alignment - 1) / alignment * alignment; }

}  // namespace

Parameters::Parameters(const NetworkSpec& spec, const Optimizer& optimizer, std::shared_ptr<Home> home)
    : spec_(spec), infos_(parameters(spec)), home_(std::move(home)) {
  inputs_.push_back(spec.input);
  for (const auto& shape : output_shapes(spec)) inputs_.push_back(shape);

  places_.resize(infos_.size());
  for (const bool trained : {true, false}) {
    for (std::size_t i = 0; i < infos_.size(); ++i) {
      if (infos_[i].trained != trained) continue;
      places_[i] = {weights_, i};
      weights_ += padded(infos_[i].size());
    }
    if (trained) trained_ = weights_;
  }
  for (const auto& info : infos_) tensors_.push_back({info.name, info.shape, info.size(), true});
  const std::vector<std::string> kinds = std::holds_alternative<AdamW>(optimizer)
                                             ? std::vector<std::string>{".m", ".v"}
                                             : std::vector<std::string>{".momentum"};
  for (std::size_t kind = 0; kind < kinds.size(); ++kind)
    for (std::size_t i = 0; i < infos_.size(); ++i) {
      if (!infos_[i].trained) continue;
      tensors_.push_back({infos_[i].name + kinds[kind], infos_[i].shape, infos_[i].size(), false});
      places_.push_back({weights_ + kind * trained_ + places_[i].offset, i});
    }
  state_ = DeviceBuffer<float>(home_->pool, weights_ + kinds.size() * trained_, home_->stream);
  gradients_ = DeviceBuffer<float>(home_->pool, trained_, home_->stream);
  transfer_ = PinnedBuffer<float>(state_.size());
  // what lies between two tensors takes part in the norm and the update, as zeros
  SIDESTEP_CHECK(cudaMemsetAsync(gradients_.data(), 0, gradients_.bytes(), home_->stream));
}

std::vector<TensorPlace> Parameters::of(std::size_t layer) const {
  std::vector<TensorPlace> found;
  for (std::size_t i = 0; i < infos_.size(); ++i)
    if (infos_[i].layer == layer)
      found.push_back(
          {state_.data() + places_[i].offset, infos_[i].trained ? gradients_.data() + places_[i].offset : nullptr});
  return found;
}

ParameterArrays Parameters::arrays() const {
  float* first = state_.data() + weights_;
  const bool two = state_.size() > weights_ + trained_;
  return {state_.data(), gradients_.data(), first, two ? first + trained_ : nullptr, trained_};
}

template <class F>
void Parameters::map(std::size_t info, F f) const {
  const auto& shape = infos_[info].shape;
  const auto size = infos_[info].size();
  if (shape.size() == 4) {  // (filter, channel, row, column) and (filter, row, column, channel)
    const auto channels = shape[1], taps = shape[2] * shape[3];
    for (std::size_t i = 0; i < size; ++i) {
      const auto filter = i / (channels * taps), channel = i / taps % channels, tap = i % taps;
      f(i, (filter * taps + tap) * channels + channel);
    }
  } else if (shape.size() == 2) {
    const Shape& input = inputs_[infos_[info].layer];
    const auto plane = input.height * input.width, columns = input.size();
    for (std::size_t i = 0; i < size; ++i) {
      const auto column = i % columns;
      f(i, i - column + column % plane * input.channels + column / plane);
    }
  } else {
    for (std::size_t i = 0; i < size; ++i) f(i, i);
  }
}

void Parameters::check_size(std::size_t tensor, std::size_t size) const {
  if (tensor >= tensors_.size())
    throw ShapeError(fmt::format("there is no tensor {}; the session has {}", tensor, tensors_.size()));
  if (size != tensors_[tensor].size)
    throw ShapeError(
        fmt::format("tensor '{}' has {} elements, {} were given", tensors_[tensor].name, tensors_[tensor].size, size));
}

void Parameters::export_tensor(const float* array, std::size_t tensor, std::span<float> values) const {
  const float* own = array + places_[tensor].offset;
  map(places_[tensor].info, [&](std::size_t canonical, std::size_t at) { values[canonical] = own[at]; });
}

void Parameters::import_tensor(float* array, std::size_t tensor, std::span<const float> values) const {
  float* own = array + places_[tensor].offset;
  map(places_[tensor].info, [&](std::size_t canonical, std::size_t at) { own[at] = values[canonical]; });
}

void Parameters::read(std::size_t tensor, std::span<float> values) const {
  check_size(tensor, values.size());
  const auto at = places_[tensor].offset;
  SIDESTEP_CHECK(cudaMemcpyAsync(transfer_.data() + at, state_.data() + at, values.size() * sizeof(float),
                                 cudaMemcpyDeviceToHost, home_->stream));
  SIDESTEP_CHECK(cudaStreamSynchronize(home_->stream));
  export_tensor(transfer_.data(), tensor, values);
}

void Parameters::write(std::size_t tensor, std::span<const float> values) {
  check_size(tensor, values.size());
  const auto at = places_[tensor].offset;
  import_tensor(transfer_.data(), tensor, values);
  SIDESTEP_CHECK(cudaMemcpyAsync(state_.data() + at, transfer_.data() + at, values.size() * sizeof(float),
                                 cudaMemcpyHostToDevice, home_->stream));
  SIDESTEP_CHECK(cudaStreamSynchronize(home_->stream));
}

void Parameters::initialise(std::uint64_t seed) {
  std::memset(transfer_.data(), 0, state_.bytes());
  std::vector<float> values;
  for (std::size_t i = 0; i < infos_.size(); ++i) {
    values.resize(infos_[i].size());
    fill_initial(infos_[i], static_cast<std::uint32_t>(i), seed, values);
    import_tensor(transfer_.data(), i, values);
  }
  SIDESTEP_CHECK(
      cudaMemcpyAsync(state_.data(), transfer_.data(), state_.bytes(), cudaMemcpyHostToDevice, home_->stream));
  SIDESTEP_CHECK(cudaStreamSynchronize(home_->stream));
}

std::unique_ptr<Snapshot> Parameters::snapshot(Contents contents, std::unique_ptr<Snapshot> reuse) const {
  const auto count = floats(contents);
  std::unique_ptr<CudaSnapshot> made(dynamic_cast<CudaSnapshot*>(reuse.get()));
  if (made) static_cast<void>(reuse.release());
  if (!made || made->size() != count) made = std::make_unique<CudaSnapshot>(home_, count, contents);
  made->take(state_.data());
  return made;
}

void Parameters::restore(const Snapshot& snapshot) {
  const auto& from = CudaSnapshot::of(snapshot, weights_, state_.size());
  from.put_back(state_.data());
}

void Parameters::read(const Snapshot& snapshot, std::size_t tensor, std::span<float> values) const {
  check_size(tensor, values.size());
  const auto& from = CudaSnapshot::of(snapshot, weights_, state_.size());
  if (!tensors_[tensor].weight && from.contents() == Contents::weights)
    throw ShapeError(fmt::format("the snapshot holds weights only, not '{}'; take it with Contents::everything",
                                 tensors_[tensor].name));
  export_tensor(from.on_host(), tensor, values);
}

}  // namespace sidestep::kernels::cuda
