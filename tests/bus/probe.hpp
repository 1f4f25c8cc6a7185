#pragma once

#include <sidestep/bus.hpp>

#include <functional>

namespace sidestep::testing_support {

/// A pipeline by hand: calls f with each event, remembers the marks.
class Probe final : public Pipeline {
 public:
  explicit Probe(std::function<void(const Slot&)> f) : f_(std::move(f)) {}

  void bind(Subscription& to) override { to_ = &to; }
  std::size_t run(std::span<const Slot> slots) noexcept override {
    for (std::size_t i = 0; i < slots.size(); ++i) {
      const auto& types = to_->options().types;
      if (std::find(types.begin(), types.end(), slots[i].type) == types.end()) continue;
      try {
        f_(slots[i]);
      } catch (const std::exception& error) {
        to_->fail(error.what(), slots[i].sequence);
        return i + 1;
      }
    }
    return slots.size();
  }
  void mark(const Mark& mark) noexcept override {
    if (on_mark) on_mark(mark);
    if (mark.kind == Mark::Kind::end) to_->finish(Subscription::Life::completed);
  }
  bool over() const noexcept override { return false; }
  bool wants_ticks() const noexcept override { return ticks; }
  std::vector<std::string> describe() const override { return {"probe"}; }

  std::function<void(const Mark&)> on_mark;
  bool ticks = false;

 private:
  std::function<void(const Slot&)> f_;
  Subscription* to_ = nullptr;
};

inline PipelineOptions probe_options(std::vector<EventId> types, std::string name = "probe",
                                     Stream stream = Stream::all) {
  PipelineOptions options;
  options.name = std::move(name);
  options.stream = stream;
  options.types = std::move(types);
  return options;
}

}  // namespace sidestep::testing_support
