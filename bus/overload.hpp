#pragma once

#include <sidestep/bus/event.hpp>

#include <cstdint>
#include <stdexcept>

namespace sidestep {

/// A policy that makes no sense, or that this pipeline can't have.
struct OverloadError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

/// What a pipeline wants when events come faster than it takes them. It acts where its events wait: in the dispatcher
/// on what is unread in a producer's ring, and in each of its `observe_on` queues. See drop_oldest() and the others.
struct Overload {
  enum class Policy : std::uint8_t { lossless, drop_oldest, latest, keep_every, fail };
  Policy policy = Policy::lossless;
  std::uint64_t bound = 0;  ///< events that may wait before it acts
  std::uint64_t n = 1;      ///< keep_every: one of so many

  bool lossless() const noexcept { return policy == Policy::lossless; }
};

/// Everything, the default: a whole ring unread makes its publisher wait, a full queue the dispatcher.
inline Overload lossless() { return {}; }

/// No more than the newest `n` wait: an event that is further behind the newest one of its producer is dropped.
inline Overload drop_oldest(std::uint64_t n) {
  if (n == 0) throw OverloadError("drop_oldest(0) would drop everything: n is how many may wait.");
  return {Overload::Policy::drop_oldest, n, 1};
}

/// Of what has piled up, the newest: an event is dropped where a newer one of the pipeline's types waits already.
inline Overload latest() { return {Overload::Policy::latest, 1, 1}; }

/// One of `n` while more than `behind` wait, else every one.
inline Overload keep_every(std::uint64_t n, std::uint64_t behind = 256) {
  if (n == 0) throw OverloadError("keep_every(0): n must be at least 1.");
  return {Overload::Policy::keep_every, behind, n};
}

/// More than `n` waiting is an error: the pipeline fails.
inline Overload fail_beyond(std::uint64_t n) { return {Overload::Policy::fail, n, 1}; }

/// Whether a policy may drop events of this type: batches, metrics and a user's own. What is left is rare, and others
/// rely on it: barriers, ends of epochs and of runs, checkpoints, decisions, failures.
bool may_drop(EventId type) noexcept;

}  // namespace sidestep
