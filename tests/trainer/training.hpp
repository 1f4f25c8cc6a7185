#pragma once
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <trainer/small_data.hpp>
#include <sidestep/trainer/all.hpp>

namespace sidestep::test {

/// 480 samples in batches of 32: 15 steps an epoch.
inline TrainerOptions small(std::int64_t epochs = 2) {
  return {.epochs = epochs, .batch_size = 32, .seed = 3, .threads = 1};
}

/// Asks for something at certain events.
template <Event E, class F>
Callback ask_at(F f) {
  return {"ask", "", [f](CallbackContext& run) { run.on<E>() | decide(run.control, f); }};
}

/// A run, and what the trainer published in it, as text.
struct Training {
  explicit Training(TrainerOptions options = small(), Model model = mlp())
      : trainer(std::move(model), small_data(), std::move(options)) {}

  TrainingReport fit(std::vector<Callback> callbacks = {}, FitOptions where = {}) {
    said.clear();
    bus.on<FitBegin, FitEnd, EpochBegin, EpochEnd, BatchBegin, BatchEnd, ValidationBegin, ValidationEnd, TestEnd,
           Metric, MemoryReleased>()
            .from(Stream::trainer) |
        subscribe([this](const auto& event) { event.visit([this](const auto& one) { said.push_back(line(one)); }); });
    bus.on<BatchEnd>() | subscribe([this](const BatchEnd& e) { rates.push_back(e.learning_rate); });
    return trainer.fit(bus, control, callbacks, where);
  }

  static std::string line(const Metric& e) { return std::string(e.metric.text()); }
  static std::string line(const EpochEnd& e) { return e.partial ? "EpochEnd(partial)" : "EpochEnd"; }
  template <class E>
  static std::string line(const E&) {
    return std::string(E::name);
  }

  std::size_t count(std::string_view what) const {
    return static_cast<std::size_t>(std::count(said.begin(), said.end(), what));
  }

  std::vector<std::string> said;
  std::vector<double> rates;
  Bus bus;
  Control control;
  Trainer trainer;
};

}  // namespace sidestep::test
