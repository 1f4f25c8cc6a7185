#pragma once

#include <sidestep/bus/bus.hpp>
#include <sidestep/bus/waker.hpp>

#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace sidestep {

/// Who takes events out of the rings and runs the pipelines over them: the bus' inside. One thread at a time.
///
/// What is added or ended changes a list under a lock; the dispatcher's own copy of the list is renewed *after* it has taken
/// events, so a subscription that was added before an event was published is in the copy when the event is run.
class Dispatcher : public std::enable_shared_from_this<Dispatcher> {
 public:
  static constexpr std::size_t batch = 64;  // events taken at a time: 16 and 256 lose (measured)

  Dispatcher(const BusOptions& options, const Clock& clock);

  ~Dispatcher();

  void start();
  bool poll();
  void flush();
  void close();
  void abandon() noexcept;
  void on_close(std::function<bool()> ask);
  bool closed() const noexcept { return phase_.load(std::memory_order_acquire) == Phase::closed; }  // pairs with close()

  Handle add(std::unique_ptr<Pipeline> pipeline, PipelineOptions options);
  void end(Subscription& subscription);
  std::shared_ptr<Ring> make_ring(std::string_view name, Stream stream);
  Producer& thread_producer();
  /// The ring with this id; null: it is gone.
  std::shared_ptr<const Ring> find_ring(std::uint32_t id) const;
  /// A pipeline failed, on any thread of the bus: tells the others.
  void report_failure(const Subscription& subscription, Sequence number) noexcept;

  BusAccount account() const;
  std::vector<Handle> subscriptions() const;
  const Clock& clock() const noexcept { return clock_; }
  const BusOptions& options() const noexcept { return options_; }
  std::uint64_t serial() const noexcept { return serial_; }

  Waker waker;
  std::atomic<Nanoseconds> longest_nap;       // relaxed: advice
  std::atomic<CutSink*> cut_sink{nullptr};    // release by the control before it publishes; acquire at a mark

 private:
  enum class Phase : std::uint8_t { open, closing, closed };

  void work();
  bool pass();
  bool drain(Ring& ring);
  bool drain_spill(Ring& ring);
  std::size_t up_to_mark(const Ring& ring, std::span<const Slot> slots) const noexcept;
  void run(const Ring& ring, std::span<const Slot> slots);
  static std::uint64_t matches(const Subscription& to, std::span<const Slot> slots) noexcept;
  static std::span<const Slot> within_bounds(const Subscription& to, unsigned ring, std::span<const Slot> slots) noexcept;
  void send_mark(const Slot& slot);
  void advance_words(Sequence number, Nanoseconds stamp);
  void end_subscriptions();
  void tick();
  void hurry();
  void renew();
  void renew_copy();
  bool rings_empty() const noexcept;
  bool any_held() const;
  bool try_close();
  void await_queues(std::span<const Handle> subscriptions, bool outside);
  void retire_rings();
  void settle_cpu();
  bool dead() const noexcept { return abandoned_.load(std::memory_order_acquire); }  // pairs with abandon()
  bool await(const std::function<bool()>& done);
  std::uint64_t signs_of_life() const;

  const BusOptions options_;
  const Clock clock_;
  const std::uint64_t serial_;  // tells buses apart in a thread's table of producers

  // the list, and its copy for the dispatcher
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Ring>> rings_;
  std::vector<Handle> subscriptions_;
  std::function<bool()> ask_at_close_;
  unsigned next_ring_ = 0;
  BusAccount retired_;               // what rings that are gone have counted
  std::atomic<std::uint64_t> version_{0};  // release under the lock; acquire in renew()

  std::mutex polling_;               // without a thread of its own: one poll() at a time; with one: one close() joins it
  std::thread thread_;
  std::atomic<Phase> phase_{Phase::open};
  std::atomic<bool> abandoned_{false};

  // the dispatcher's alone
  std::uint64_t seen_version_ = ~std::uint64_t{0};
  std::vector<std::shared_ptr<Ring>> my_rings_;
  std::vector<Handle> mine_;
  struct Row {  // of a pipeline that runs: what is looked at for every span, side by side
    Subscription* to;
    Pipeline* pipeline;
    std::span<const EventId> types;
    std::uint64_t types_seen_as;
    bool bounded;      // it began, or ends, at a number that is still to come
    bool listens[3];   // by Stream
  };
  std::vector<Row> rows_;
  std::vector<Decider*> inline_deciders_;
  std::array<std::uint16_t, event_ids> counts_{};
  std::uint64_t run_length_ = 0;     // events taken since a ring was found empty
  Nanoseconds cpu_at_ = 0;           // the thread's CPU time when handlers' times were last settled
  unsigned unsettled_ = 0;           // spans since then
  std::uint64_t untimed_ = 0;        // spans behind a backlog
  // watched by those who wait for the dispatcher; relaxed: a late view costs a slice of waiting
  std::atomic<std::uint64_t> heartbeat_{0};
  std::atomic<Subscription*> running_{nullptr};
  std::atomic<std::uint64_t> hurry_asked_{0}, hurry_done_{0};  // by who flushes, and by the dispatcher: release both, acquire both
  Sequence last_trainer_ = 0;
  Nanoseconds last_tick_ = 0;
  bool any_ticks_ = false, any_ending_ = false;
};

}  // namespace sidestep
