#pragma once

#include <sidestep/bus/clock.hpp>
#include <sidestep/bus/decider.hpp>
#include <sidestep/bus/event.hpp>
#include <sidestep/bus/meter.hpp>
#include <sidestep/bus/name.hpp>
#include <sidestep/bus/overload.hpp>
#include <sidestep/bus/pipeline.hpp>
#include <sidestep/bus/queue_account.hpp>
#include <sidestep/bus/told.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace sidestep {

class Bus;
class Dispatcher;

/// Whose events a pipeline sees. Deciders and pipelines that are part of a checkpoint see the trainer's alone: only
/// those have a place in the run that depends on nothing but seed and data.
enum class Stream : std::uint8_t { all, trainer, others };

/// What a pipeline says of itself when it is added.
struct PipelineOptions {
  std::string name;   ///< default: "pipeline"
  std::string owner;  ///< the callback that it belongs to; default: its name
  Stream stream = Stream::all;
  std::string producer;        ///< events of producers with this name alone; empty: of all
  std::vector<EventId> types;  ///< none: events of every type
  Overload overload{};         ///< what becomes of events that it doesn't take in time
  /// Which of the bus' dispatchers runs it; -1: the bus chooses. One that decides or is saved: the first.
  int dispatcher = -1;
  bool saved = false;  ///< part of a checkpoint: all its stages can save their state
  bool decides = false;
  bool wall_time = false;          ///< one of its stages depends on clocks
  bool wall_time_allowed = false;  ///< and its user said that this is fine before decide
  std::string settings;            ///< the callback's options; part of the key that finds its state in a checkpoint
};

/// A pipeline on a bus: its account, its state of life. Kept by the bus; dropping a handle ends nothing, end() does.
/// For each subscription published = delivered + dropped + pending: exact after flush() and close(), else monotone
/// lower bounds.
class Subscription {
 public:
  enum class Life : std::uint8_t { running, completed, failed, ended };

  Subscription(std::shared_ptr<Dispatcher> bus, unsigned registration, PipelineOptions options,
               std::unique_ptr<Pipeline> pipeline);
  ~Subscription();
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  const std::string& name() const noexcept { return options_.name; }
  const std::string& owner() const noexcept { return options_.owner; }
  const PipelineOptions& options() const noexcept { return options_; }
  unsigned registration() const noexcept { return registration_; }
  /// What finds this pipeline's state in a checkpoint: owner, name, ordinals among equals, hash of its stages and
  /// settings.
  const std::string& key() const noexcept { return key_; }
  Pipeline& pipeline() noexcept { return *pipeline_; }
  const Clock& clock() const noexcept { return clock_; }
  /// Of the bus that it is on: Bus::serial.
  std::uint64_t bus_serial() const noexcept { return bus_serial_; }
  /// How long a handler may block, or a sink drain at close, before it is failed.
  std::chrono::nanoseconds deadline() const noexcept { return deadline_; }

  /// Sees no event that is published after this returned (called from its own handler: none after this call).
  void end();

  Life life() const noexcept { return life_.state(); }
  bool failed() const noexcept { return life() == Life::failed; }
  /// It was ended by its own handler: that one sees nothing more, wherever it runs.
  bool ended_inside() const noexcept { return ended_inside_.load(); }
  unsigned failures() const noexcept { return failed() ? 1 : 0; }
  std::string error() const;

  /// Ends it for good with an error: isolates it, publishes PipelineFailed. The first call counts. Any thread; never
  /// throws.
  void fail(std::string_view error, Sequence number) noexcept;
  /// It completed by itself or at close.
  void finish(Life how) noexcept;
  /// All that was handed to its queues is done, or never will be.
  bool queues_idle() const noexcept;

  /// Set while it is bound, by the stage that decides; null: it doesn't.
  void decides_with(Decider& decider, unsigned part) noexcept { decider_ = &decider, decider_part_ = part; }
  Decider* decider() const noexcept { return decider_; }
  unsigned decider_part() const noexcept { return decider_part_; }
  /// Its decider was failed by the trainer (a deadline): nothing more is handed over.
  bool decider_failed() const noexcept {
    // relaxed: nothing is read behind it. Seen late, one event more is handed over, whose requests nobody takes
    return decider_ != nullptr && decider_->failed.load(std::memory_order_relaxed);
  }
  /// While it is bound: it isn't to see anything before admit(), since who must know of it first isn't on this thread.
  void defer() noexcept { deferred_ = true; }
  /// It sees what is published from now on. Called once, for one that was deferred. False: it has ended meanwhile.
  bool admit();

  /// Parts that answer a barrier: the dispatcher's and one for each observe_on.
  unsigned parts() const noexcept { return static_cast<unsigned>(queues_.size()) + 1; }
  void add_queue(std::shared_ptr<QueueAccount> queue) { queues_.push_back(std::move(queue)); }  // while it is bound
  const std::vector<std::shared_ptr<QueueAccount>>& queues() const noexcept { return queues_; }

  std::uint64_t published() const noexcept { return published_.get(); }
  std::uint64_t delivered() const noexcept { return delivered_.get(); }
  std::uint64_t dropped() const noexcept { return dropped_.get(); }
  std::uint64_t pending() const noexcept {
    // in this order: the events in between were published first
    const std::uint64_t done = delivered() + dropped(), all = published();
    return all > done ? all - done : 0;
  }
  const Meter& meter() const noexcept { return meter_; }
  /// Of one that decides: events of its types went by it, since another producer than the loop published them.
  std::uint64_t passed_by() const noexcept { return passed_by_.get(); }
  /// The first few kinds of those: "Metric 'val/mAP' of producer 'detector'".
  std::vector<std::string> passed_by_kinds() const;

 private:
  friend class Dispatcher;
  friend class Worker;

  /// A place in a producer's ring.
  struct Bound {
    std::uint32_t ring;
    Sequence number;
  };
  using Bounds = std::vector<Bound>;
  static Sequence at_or(const Bounds& bounds, std::uint32_t ring, Sequence otherwise) noexcept {
    for (const Bound& bound : bounds)
      if (bound.ring == ring) return bound.number;
    return otherwise;
  }

  std::weak_ptr<Dispatcher> bus_;  // weak: a hung handler's thread may outlive the bus
  const std::uint64_t bus_serial_;
  const Clock clock_;
  const std::chrono::nanoseconds deadline_;
  const unsigned registration_;
  PipelineOptions options_;
  std::string key_;
  std::unique_ptr<Pipeline> pipeline_;
  Decider* decider_ = nullptr;
  unsigned decider_part_ = 0;
  std::vector<std::shared_ptr<QueueAccount>> queues_;
  std::uint64_t types_seen_as_ = 0;  ///< one bit for each id modulo 64: most spans are ruled out by one AND
  Bounds begin_;                     ///< the first number that it sees of each ring; of those made later: all
  Bounds end_;  ///< the first number that it doesn't see any more; of rings made later: nothing. Under the bus' lock
  bool asked_to_end_ = false;  ///< `end_` holds. Under the bus' lock
  bool kept_ = false;          ///< it failed, and stays. Its dispatcher's
  std::string base_;           ///< its name without an ordinal. Under the bus' lock
  bool name_freed_ = false;    ///< others may have its name. Under the bus' lock
  bool deferred_ = false;      ///< waits for admit(). Under the bus' lock
  unsigned worker_ = 0;        ///< which of the bus' dispatchers runs it

  mutable std::mutex mutex_;  ///< guards error_, and passed_kinds_ against its one writer, the dispatcher
  std::string error_;
  struct PassedKind {
    EventId type;
    Name metric;
    std::string producer;
  };
  std::vector<PassedKind> passed_kinds_;

  alignas(no_sharing) BasicLife<Life> life_;
  Told<bool> ended_inside_;  ///< by its own handler; whoever would run another one looks
  // the dispatcher's
  alignas(no_sharing) Counter published_, delivered_, dropped_, passed_by_;
  Meter meter_;
  Bounds end_seen_;               ///< its copy of end_
  bool ends_ = false;             ///< its copy of asked_to_end_
  std::uint64_t kept_of_ = 0;     ///< keep_every: how many came since the last that was kept
  Nanoseconds unsettled_ns_ = 0;  ///< by the wall clock, since handlers' times were last settled
};

using Handle = std::shared_ptr<Subscription>;

/// What is kept of pipelines that are no more, by owner.
struct PastPipelines {
  std::string owner;
  unsigned registration = 0;  ///< of the first
  std::uint64_t pipelines = 0, published = 0, delivered = 0, dropped = 0;
  unsigned failures = 0;
  std::string last_error;
  Meter meter;  ///< of all their threads
};

}  // namespace sidestep
