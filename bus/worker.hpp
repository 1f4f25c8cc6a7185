#pragma once

#include <sidestep/bus/ring.hpp>
#include <sidestep/bus/told.hpp>
#include <sidestep/bus/waker.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <vector>

namespace sidestep {

class Dispatcher;
class RunningHandler;

/// One of a bus' dispatchers: takes events out of the rings, with a cursor of its own in each, and runs its pipelines
/// over them. One thread at a time. The first one alone has those that decide or are part of checkpoints, and all that
/// depends on them.
///
/// What is added or ended changes a list of the bus under a lock; the copy here is renewed *after* events were taken,
/// so a subscription that was added before an event was published is in the copy when the event is run.
class Worker {
 public:
  // events taken at a time, 8 KiB of a core's 32: 16 and 64 lose; 256 gains where pipelines have no state of their own
  static constexpr std::size_t batch = 128;

  Worker(Dispatcher& bus, unsigned index) noexcept : bus_(bus), index_(index) {}

  /// What its thread does, until the bus is closed.
  void work();
  /// Looks at every ring once. False: nothing was there (then those who wait for time have had their tick).
  bool pass();
  void renew();
  void finish_words() noexcept;
  void beat() noexcept { heartbeat.store(heartbeat.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }
  Sequence last_trainer() const noexcept { return last_trainer_; }

  Waker waker;
  // watched by those who wait for it; relaxed: a late view costs a slice of waiting
  std::atomic<std::uint64_t> heartbeat{0};
  std::atomic<Subscription*> running{nullptr};
  Told<std::uint64_t> hurry_done;  // by then it has handed on what its pipelines held back
  Told<bool> left;                 // its thread runs nothing any more

 private:
  struct Row {  // of a pipeline that runs: what is looked at for every span, side by side
    Subscription* to;
    Pipeline* pipeline;
    std::span<const EventId> types;
    std::uint64_t types_seen_as;
    bool special;  // one of the following
    bool bounded;  // it began, or ends, at a number that is still to come
    bool one_producer;
    bool lossy;
    bool listens[3];  // by Stream
  };

  bool drain(Ring& ring);
  std::size_t up_to_mark(const Ring& ring, std::span<const Slot> slots) const noexcept;
  void run(const Ring& ring, std::span<const Slot> slots);
  void run_lossy(const Row& row, const Ring& ring, std::span<const Slot> slots, std::uint64_t matched,
                 RunningHandler& here);
  void note_passed_by(const Row& row, const Ring& ring, std::span<const Slot> slots);
  void ended_inside(Subscription& to);
  static std::uint64_t matches(const Subscription& to, std::span<const Slot> slots) noexcept;
  std::span<const Slot> within_bounds(const Subscription& to, unsigned ring,
                                      std::span<const Slot> slots) const noexcept;
  void send_mark(const Slot& slot);
  void advance_words(Sequence number, Nanoseconds stamp);
  void end_subscriptions();
  void tick();
  void hurry();
  void renew_copy();
  void index_rows();
  const std::uint64_t* listeners_to(std::uint64_t seen_as) noexcept;
  std::size_t next_of(const std::uint64_t* bits, std::size_t row) const noexcept;
  void settle_cpu();
  Nanoseconds longest_nap(Nanoseconds silence) const noexcept;

  Dispatcher& bus_;
  const unsigned index_;
  std::uint64_t seen_version_ = ~std::uint64_t{0};
  std::vector<std::shared_ptr<Ring>> rings_;
  std::vector<Handle> mine_;
  std::vector<Row> rows_;
  std::vector<Decider*> inline_deciders_;
  std::array<std::uint16_t, event_ids> counts_{};
  std::uint64_t seen_as_ = 0;     // a bit for each type, modulo 64, that was run since payloads were last given back
  std::uint64_t run_length_ = 0;  // events taken since a ring was found empty
  std::uint64_t passes_ = 0;
  std::uint64_t ends_seen_ = 0;
  bool ends_later_ = false;    // of some that have ended something still runs
  Nanoseconds cpu_at_ = 0;     // the thread's CPU time when handlers' times were last settled
  unsigned unsettled_ = 0;     // spans since then
  std::uint64_t untimed_ = 0;  // spans behind a backlog
  Sequence last_trainer_ = 0;
  Nanoseconds last_tick_ = 0;
  bool any_ticks_ = false, any_ending_ = false;
  std::vector<std::uint64_t> listeners_;          // for each type, modulo 64, a bit for each row that may listen to it
  std::vector<std::uint64_t> wanted_by_;          // the same for several types: scratch of run()
  std::vector<Subscription*> observed_deciders_;  // whose word is that of a part behind observe_on
  std::vector<Subscription*> unsettled_of_;       // who has run since handlers' times were last settled
};

}  // namespace sidestep
