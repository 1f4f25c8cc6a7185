#pragma once

#include <sidestep/bus/bus.hpp>
#include <sidestep/bus/told.hpp>
#include <sidestep/bus/worker.hpp>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace sidestep {

/// The inside of a bus: the lists of its rings and pipelines, and its workers, who take events out of the ones and run
/// the others.
class Dispatcher : public std::enable_shared_from_this<Dispatcher> {
 public:
  static constexpr std::size_t batch = Worker::batch;

  Dispatcher(const BusOptions& options, const Clock& clock, StreamWithin streamed_within);

  ~Dispatcher();

  void start();
  bool poll();
  void flush();
  void close();
  void abandon() noexcept;
  void on_close(std::function<bool()> ask);
  bool closed() const noexcept { return phase_.load() == Phase::closed; }
  bool dead() const noexcept { return abandoned_.load(); }  ///< given up: a handler hangs
  bool untouched() const;                                   ///< no producer and no pipeline has come yet
  void wake() noexcept;
  /// A handler is about to publish by the bus' own means: one that does so for ever, while the bus is to close, is
  /// failed.
  void about_to_publish() noexcept {
    if (giving_up_.glance() != GivingUp::no) [[unlikely]]
      fail_who_publishes();
  }

  Handle add(std::unique_ptr<Pipeline> pipeline, PipelineOptions options);
  void end(Subscription& subscription);
  bool admit(Subscription& subscription);
  /// `late_too`: on a closed bus one that only counts what is published; else that is a BusError.
  std::shared_ptr<Ring> make_ring(std::string_view name, Stream stream, bool late_too = false);
  Producer& thread_producer();
  /// The ring with this id; null: it is gone.
  std::shared_ptr<const Ring> find_ring(std::uint32_t id) const;
  /// A pipeline failed, on any thread of the bus: tells the others.
  void report_failure(const Subscription& subscription, Sequence number) noexcept;
  /// A pipeline has come to its end, whatever it was: it is forgotten when nothing of it runs any more.
  void note_end() noexcept { ends_.changed(); }

  BusAccount account() const;
  std::vector<Handle> subscriptions() const;
  std::vector<std::unique_ptr<PastPipelines>> past() const;
  const Clock& clock() const noexcept { return clock_; }
  const BusOptions& options() const noexcept { return options_; }
  std::uint64_t serial() const noexcept { return serial_; }

  const StreamWithin within;             // what its producers stream
  std::atomic<Nanoseconds> longest_nap;  // relaxed: advice
  std::atomic<bool> nap_was_set{false};  // relaxed: advice
  Told<CutSink*> cut_sink;               // by the control, before it publishes

 private:
  friend class HangWatch;
  friend class Worker;
  enum class Phase : std::uint8_t { open, closing, completing, closed };
  /// What close() does when events don't end, although all that were there when it began are handled.
  enum class GivingUp : std::uint8_t {
    no,
    failing,     ///< handlers that publish fail, until pipelines complete
    completing,  ///< pipelines complete, whatever still comes; handlers that publish fail
  };
  /// How far a close() has come. A round is over when all that had been published when it began is handled, behind
  /// observe_on too.
  struct Rounds {
    std::vector<std::pair<std::shared_ptr<const Ring>, Sequence>> rings;
    struct Handed {
      Handle to;
      std::shared_ptr<const QueueAccount> queue;
      std::uint64_t count;
    };
    std::vector<Handed> queues;  // what they were handed by then
    bool begun = false, at_queues = false;
    std::uint64_t events = 0;           // published when it began
    std::uint64_t over = 0;             // rounds before it that had events of their own
    Nanoseconds waited = 0, noted = 0;  // since the first of them; when that was noted
  };
  bool round_over();
  void fail_who_publishes() noexcept;
  bool completes_anyway() const noexcept { return giving_up_.glance() == GivingUp::completing; }

  bool pass_all();
  bool rings_empty() const;
  bool any_held() const;
  bool try_close();
  bool await_workers();
  void await_queues(std::span<const Handle> subscriptions, bool outside);
  void await_queues(Subscription& subscription, bool outside);
  void await_queues(Subscription& subscription, const std::function<bool()>& so_far, bool outside);
  void note_round(Nanoseconds passed);
  void drain();
  void retire_rings();
  std::vector<std::shared_ptr<Ring>> take_left_rings(bool (*which)(const Ring&));
  static void add_counts(const Ring& ring, BusAccount& sum) noexcept;
  bool retire_pipelines(std::span<const Handle> candidates);
  void put_down_failed();
  void forget(Subscription& subscription);
  void free_name(Subscription& subscription);
  void begin_here(Subscription& subscription);
  bool await(const std::function<bool()>& done);
  void give_up(const Worker& worker);
  std::uint64_t signs_of_life() const;

  const BusOptions options_;
  const Clock clock_;
  const std::uint64_t serial_;  // tells buses apart in a thread's table of producers

  // the lists
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Ring>> rings_;
  std::vector<Handle> subscriptions_, deferred_;
  std::function<bool()> ask_at_close_;
  std::uint32_t next_ring_ = 0;
  unsigned next_registration_ = 0, next_worker_ = 0;
  struct Ordinal {
    unsigned last = 0, live = 0;
  };
  std::unordered_map<std::string, Ordinal> ordinals_;  // of the names that are there, by what was asked for
  std::unordered_set<std::string> names_;
  unsigned failed_kept_ = 0;
  BusAccount gone_;  // what rings and pipelines that are gone have counted
  std::vector<std::unique_ptr<PastPipelines>> past_;
  Version version_;  // of the lists; changes under the lock. See Worker
  Version ends_;     // of pipelines that came to their end
  const std::shared_ptr<RingPool> pool_ = std::make_shared<RingPool>();

  // without threads of its own: one poll() at a time; with them: one close() joins them
  std::mutex polling_;
  std::vector<std::thread> threads_;
  Told<Phase> phase_;     // begins under the lock; from then on it is the first dispatcher's
  Told<bool> abandoned_;  // behind the error of the handler that hangs
  Told<GivingUp> giving_up_;
  Rounds rounds_;        // of the one who closes first; without a thread under `polling_`
  Version hurry_asked_;  // by who flushes
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace sidestep
