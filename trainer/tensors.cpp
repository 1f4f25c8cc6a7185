#include <sidestep/trainer/tensors.hpp>

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sidestep {
namespace {

using kernels::Contents;

bool taken(const kernels::TensorInfo& info, Contents contents) {
  return info.weight || contents == Contents::everything;
}

std::string spelled_shape(const auto& shape) { return fmt::format("{}", fmt::join(shape, "x")); }

/// Tensors of one snapshot, and the memory in which they lie.
class Exported {
 public:
  Exported(const kernels::Session& session, const kernels::Snapshot& snapshot, const std::string& prefix,
           std::vector<Tensor>& tensors) {
    const auto& infos = session.tensors();
    memory_.resize(infos.size());
    for (std::size_t i = 0; i < infos.size(); ++i) {
      if (!taken(infos[i], snapshot.contents())) continue;
      memory_[i].resize(infos[i].size);
      session.read(snapshot, i, memory_[i]);
      tensors.push_back(
          make_tensor(prefix + infos[i].name, {infos[i].shape.begin(), infos[i].shape.end()}, memory_[i]));
    }
  }

 private:
  std::vector<std::vector<float>> memory_;
};

}  // namespace

std::string kept_prefix(const std::string& owner) { return fmt::format("kept/{}/", owner); }

std::shared_ptr<kernels::Snapshot> SnapshotPool::take(kernels::Session& session, Contents contents) {
  std::unique_ptr<kernels::Snapshot> reuse;
  {
    const std::lock_guard lock(mutex_);
    const auto fitting = std::ranges::find(free_, contents, [](const auto& each) { return each->contents(); });
    if (fitting != free_.end()) {
      reuse = std::move(*fitting);
      free_.erase(fitting);
    }
  }
  return {session.snapshot(contents, std::move(reuse)).release(),
          [this](kernels::Snapshot* used) { give_back(std::unique_ptr<kernels::Snapshot>(used)); }};
}

void SnapshotPool::give_back(std::unique_ptr<kernels::Snapshot> snapshot) {
  const std::lock_guard lock(mutex_);
  free_.push_back(std::move(snapshot));
}

void write_tensors(const std::filesystem::path& path, const kernels::Session& session,
                   const kernels::Snapshot& snapshot, const KeptByOwner& kept, const Metadata& metadata) {
  std::vector<Tensor> tensors;
  std::vector<Exported> memory;
  memory.reserve(kept.size() + 1);
  memory.emplace_back(session, snapshot, "", tensors);
  for (const auto& [owner, copy] : kept) memory.emplace_back(session, *copy.weights, kept_prefix(owner), tensors);
  write_safetensors(path, tensors, metadata);
}

const kernels::TensorInfo* weight_of_another_shape(const kernels::Session& session, const SafetensorsFile& file) {
  const auto& infos = session.tensors();
  const auto found = std::ranges::find_if(infos, [&](const kernels::TensorInfo& info) {
    return info.weight && file.contains(info.name) && !std::ranges::equal(file.tensor(info.name).shape, info.shape);
  });
  return found == infos.end() ? nullptr : &*found;
}

void check_tensors(const kernels::Session& session, const TensorSource& source, Contents contents) {
  for (const auto& info : session.tensors()) {
    if (!taken(info, contents)) continue;
    const std::string name = source.prefix + info.name;
    if (!source.file.contains(name))
      throw CheckpointError(
          fmt::format("{}: has no tensor '{}', which model '{}' needs. Use a checkpoint of that model.", source.where,
                      name, source.model));
    const Tensor& tensor = source.file.tensor(name);
    if (!std::ranges::equal(tensor.shape, info.shape))
      throw CheckpointError(
          fmt::format("{}: tensor '{}' is {} here and {} in model '{}'. Use the model that wrote it, or start afresh.",
                      source.where, name, spelled_shape(tensor.shape), spelled_shape(info.shape), source.model));
    if (tensor.dtype != Dtype::f32)
      throw CheckpointError(fmt::format("{}: tensor '{}' is of type {}, and model '{}' takes F32. Convert it first.",
                                        source.where, name, name_of(tensor.dtype), source.model));
  }
}

void load_tensors(kernels::Session& session, const TensorSource& source, Contents contents) {
  const auto& infos = session.tensors();
  for (std::size_t i = 0; i < infos.size(); ++i)
    if (taken(infos[i], contents)) session.write(i, source.file.tensor(source.prefix + infos[i].name).as<float>());
}

}  // namespace sidestep
