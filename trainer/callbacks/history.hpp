#pragma once

#include <sidestep/trainer/callbacks/entry.hpp>
#include <sidestep/trainer/callbacks/epoch_row.hpp>
#include <sidestep/trainer/control/callback.hpp>

#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

namespace sidestep {

/// The epochs of a run, whole behind fit(). Any thread may read it at any time.
class History {
 public:
  std::vector<EpochRow> rows() const;
  /// A metric's values, one for each epoch in which it came, as Keras' `history.history[name]`.
  std::vector<double> values(std::string_view metric) const;

  void add(const EpochRow& row);
  void set(std::vector<EpochRow> rows);

 private:
  mutable std::mutex mutex_;
  std::vector<EpochRow> rows_;
};

/// Keeps the row of each epoch in memory, over a resumed run too (there without wall times). Semantics: Keras
/// `History`.
///
///   auto epochs = std::make_shared<History>();
///   trainer.fit(bus, control, {history(epochs)});
///   for (double loss : epochs->values("val/loss")) ...
Callback history(std::shared_ptr<History> into = {});
extern const CallbackEntry history_entry;  ///< its row in the registry

}  // namespace sidestep
