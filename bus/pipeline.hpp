#pragma once

#include <sidestep/bus/archive.hpp>
#include <sidestep/bus/slot.hpp>

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace sidestep {

class Subscription;

/// Collects pipelines' states for a checkpoint, and hands them out on resuming. Called on the threads that own the
/// states.
class CutSink {
 public:
  virtual ~CutSink() = default;
  /// `part` counts the pipeline's threads from 0: the dispatcher's, then one for each observe_on.
  virtual void answer(std::uint64_t cut, Subscription& from, unsigned part, std::vector<std::byte> state) = 0;
  /// False: nothing was saved for it, it begins anew.
  virtual bool restore(Subscription& to, unsigned part, std::vector<std::byte>& state) = 0;
};

/// Something that isn't an event of the pipeline's type and still must reach each of its parts in order.
struct Mark {
  enum class Kind : std::uint8_t {
    progress,  ///< all events through `number` have been run; a decider's word may follow
    tick,      ///< nothing arrives: it is `stamp` now, fire what waits for time
    barrier,   ///< save your state and answer `sink` with it
    restore,   ///< load the state that `sink` has
    end,       ///< the stream ends: flush windows, complete
    cancel     ///< the subscription was ended by its owner: complete nothing, decide nothing more
  };
  Kind kind;
  Sequence number = 0;  ///< of the last event before it
  Nanoseconds stamp = 0;
  std::uint64_t cut = 0;
  CutSink* sink = nullptr;
};

/// A pipeline as its dispatcher sees it: one virtual call for a batch of events. One thread at a time runs it.
class Pipeline {
 public:
  virtual ~Pipeline() = default;

  /// Once, before anything else: whose account to keep, whom to report failures to (Subscription::fail).
  virtual void bind(Subscription& subscription) = 0;
  /// Runs the events of its own types, in order. Returns how many slots it has taken: all, or fewer if it completed or
  /// failed at the last one taken. Never throws: a throwing stage fails the subscription.
  virtual std::size_t run(std::span<const Slot> slots) noexcept = 0;
  /// The same where every one of them is of a type that it listens to.
  virtual std::size_t run_wanted(std::span<const Slot> slots) noexcept { return run(slots); }
  /// Never throws either.
  virtual void mark(const Mark& mark) noexcept = 0;
  /// No further event, please (it completed, failed or was cancelled); it still answers barriers.
  virtual bool over() const noexcept = 0;
  /// Somebody waits until all that it was given is done: it should hold nothing back.
  virtual void hurry() noexcept {}
  /// No thread but its dispatcher's is in it: it may be destroyed there.
  virtual bool quiet() const noexcept { return true; }
  /// It has failed: its parts come to their end too, those that haven't seen the failure themselves. False: something
  /// of it still runs, and it is to be asked again. On its dispatcher's thread, any number of times.
  virtual bool put_down() noexcept { return true; }
  /// Does a stage wait for time? Then it gets ticks.
  virtual bool wants_ticks() const noexcept = 0;
  /// Stages and the types between them, from the source's event on.
  virtual std::vector<std::string> describe() const = 0;
};

}  // namespace sidestep
