#include <sidestep/kernels/cpu/state.hpp>

#include <fmt/format.h>

#include <algorithm>

#include <sidestep/kernels/initialise.hpp>

namespace sidestep::kernels::cpu {

class StateSnapshot final : public Snapshot {
 public:
  Contents contents() const override { return memory.size() > 1 ? Contents::everything : Contents::weights; }
  std::size_t bytes() const override {
    std::size_t sum = 0;
    for (const auto& buffer : memory) sum += buffer.bytes();
    return sum;
  }
  std::vector<Buffer> memory;  ///< as State::memory_, or only its first
};

State::State(const NetworkSpec& spec, const Optimizer& optimizer, const Program& program) : program_(program) {
  const auto infos = parameters(spec);
  std::vector<Place> owners(infos.size());
  std::size_t floats = 0;
  for (std::size_t i = 0; i < program.operations.size(); ++i) {
    const auto& layer = program.operations[i].layer;
    offsets_.push_back(floats);
    floats += round_up(layer->parameter_floats(), row_multiple);
    for (std::size_t tensor = 0; tensor < layer->tensors(); ++tensor)
      owners[program.operations[i].first_parameter + tensor] = {0, i, static_cast<int>(tensor)};
  }
  const std::vector<std::string> kinds = std::holds_alternative<AdamW>(optimizer)
                                             ? std::vector<std::string>{"", ".m", ".v"}
                                             : std::vector<std::string>{"", ".momentum"};
  for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
    memory_.emplace_back(floats);
    for (std::size_t i = 0; i < infos.size(); ++i) {
      if (kind > 0 && !infos[i].trained) continue;
      tensors_.push_back({infos[i].name + kinds[kind], infos[i].shape, infos[i].size(), kind == 0});
      places_.push_back({kind, owners[i].operation, owners[i].tensor});
    }
  }
}

ParameterMemory State::of(std::size_t operation) {
  const auto at = offsets_[operation];
  return {memory_[0].data() + at, memory_[1].data() + at, memory_.size() > 2 ? memory_[2].data() + at : nullptr};
}

void State::check_size(std::size_t tensor, std::size_t size) const {
  if (tensor >= tensors_.size())
    throw ShapeError(fmt::format("there is no tensor {}; the session has {}", tensor, tensors_.size()));
  if (size != tensors_[tensor].size)
    throw ShapeError(
        fmt::format("tensor '{}' has {} elements, {} were given", tensors_[tensor].name, tensors_[tensor].size, size));
}

void State::export_from(const Buffer& memory, std::size_t tensor, std::span<float> values) const {
  const auto& place = places_[tensor];
  program_.operations[place.operation].layer->export_tensor(place.tensor, memory.data() + offsets_[place.operation],
                                                            values);
}

void State::read(std::size_t tensor, std::span<float> values) const {
  check_size(tensor, values.size());
  export_from(memory_[places_[tensor].kind], tensor, values);
}

void State::write(std::size_t tensor, std::span<const float> values) {
  check_size(tensor, values.size());
  const auto& place = places_[tensor];
  program_.operations[place.operation].layer->import_tensor(place.tensor, values,
                                                            memory_[place.kind].data() + offsets_[place.operation]);
}

void State::initialise(const NetworkSpec& spec, std::uint64_t seed) {
  for (auto& buffer : memory_) std::fill_n(buffer.data(), buffer.size(), 0.0f);
  const auto infos = parameters(spec);
  std::vector<float> values;
  for (std::size_t i = 0; i < infos.size(); ++i) {
    values.resize(infos[i].size());
    fill_initial(infos[i], static_cast<std::uint32_t>(i), seed, values);
    write(i, values);
  }
}

std::unique_ptr<Snapshot> State::snapshot(Contents contents, std::unique_ptr<Snapshot> reuse) const {
  std::unique_ptr<StateSnapshot> made(dynamic_cast<StateSnapshot*>(reuse.get()));
  if (made)
    static_cast<void>(reuse.release());
  else
    made = std::make_unique<StateSnapshot>();
  made->memory.resize(contents == Contents::weights ? 1 : memory_.size());
  for (std::size_t i = 0; i < made->memory.size(); ++i) {
    if (made->memory[i].size() != memory_[i].size()) made->memory[i] = Buffer(memory_[i].size());
    std::copy_n(memory_[i].data(), memory_[i].size(), made->memory[i].data());
  }
  return made;
}

const StateSnapshot& State::ours(const Snapshot& snapshot) const {
  const auto* found = dynamic_cast<const StateSnapshot*>(&snapshot);
  if (!found || found->memory.size() > memory_.size() || found->memory.front().size() != memory_.front().size())
    throw ShapeError("the snapshot is of another network; restore it into the session that made it");
  return *found;
}

void State::restore(const Snapshot& snapshot) {
  const auto& from = ours(snapshot).memory;
  for (std::size_t i = 0; i < from.size(); ++i) std::copy_n(from[i].data(), from[i].size(), memory_[i].data());
}

void State::read(const Snapshot& snapshot, std::size_t tensor, std::span<float> values) const {
  check_size(tensor, values.size());
  const auto& from = ours(snapshot).memory;
  if (places_[tensor].kind >= from.size())
    throw ShapeError(fmt::format("the snapshot holds weights only, not '{}'; take it with Contents::everything",
                                 tensors_[tensor].name));
  export_from(from[places_[tensor].kind], tensor, values);
}

}  // namespace sidestep::kernels::cpu
