#pragma once

#include <sidestep/bus/bus.hpp>
#include <sidestep/bus/events.hpp>
#include <sidestep/trainer/control/control.hpp>
#include <sidestep/trainer/control/notes.hpp>

#include <concepts>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sidestep {

/// What a callback is told of the run that it joins, and where its pipelines begin.
struct CallbackContext {
  Bus& bus;
  Control& control;
  std::string name;                   ///< the callback's: owner of its pipelines
  std::string settings;               ///< its options as text: part of the key that finds its state in a checkpoint
  std::filesystem::path folder;       ///< where it puts its files
  std::filesystem::path checkpoints;  ///< where checkpoints lie
  Sync sync;
  std::uint64_t seed = 0;
  /// That the run was asked for, before any schedule; none: the loop has not said.
  std::optional<double> learning_rate{};
  bool resumed = false;       ///< the run goes on: state comes with CheckpointLoaded, files are cut back to it
  bool begins_again = false;  ///< it was begun before and left no checkpoint: what it wrote then counts for nothing
  bool can_save = false;      ///< the loop has a snapshot: SaveCheckpoint will be obeyed
  std::string last;           ///< the name of the checkpoint that a run goes on from; empty: none
  /// The files that callbacks of this loop write to, whole paths: no two may share one. See callback_file().
  std::set<std::filesystem::path>* files = nullptr;
  std::shared_ptr<Notes> notes{};  ///< what the user should be told at the run's end; null: nobody will
  /// What the loop is asked for right behind FitBegin, before its first step; not on resuming: the checkpoint has it.
  std::vector<std::function<Decisions(const FitBegin&)>> at_begin{};

  /// A source whose pipelines belong to this callback.
  template <Event... E>
  Source<E...> on() {
    Source<E...> source = bus.on<E...>();
    source.options.name = source.options.owner = name;
    source.options.settings = settings;
    return source;
  }
};

/// Something that hangs pipelines on a run.
///
///   Callback print_epochs() {
///     return {"print_epochs", "", [](CallbackContext& run) {
///       run.on<EpochEnd>() | subscribe([](const EpochEnd& e) { fmt::print("{}\n", e.epoch); });
///     }};
///   }
struct Callback {
  std::string name;
  std::string settings;
  std::function<void(CallbackContext&)> attach;
};

}  // namespace sidestep
