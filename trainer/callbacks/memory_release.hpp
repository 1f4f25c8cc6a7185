#pragma once

#include <sidestep/trainer/callbacks/entry.hpp>
#include <sidestep/trainer/callbacks/monitor.hpp>
#include <sidestep/trainer/control/callback.hpp>

namespace sidestep {

struct MemoryReleaseOptions {
  Epoch every_n_epochs = 1;
  When at = epoch_end;  ///< batches(n): every n batches instead
};

/// Asks the loop to give scratch memory back, at the ends of whole epochs or every n batches. The loop says how much it
/// was in MemoryReleased. What Ultralytics does after each epoch by hand.
Callback memory_release(MemoryReleaseOptions options = {});
extern const CallbackEntry memory_release_entry;  ///< its row in the registry

}  // namespace sidestep
