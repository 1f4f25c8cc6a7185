#pragma once

#include <sidestep/bus/clock.hpp>
#include <sidestep/bus/producer.hpp>
#include <sidestep/bus/recording.hpp>
#include <sidestep/bus/refused.hpp>
#include <sidestep/bus/source.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace sidestep {

/// What a dispatcher does while nothing comes.
enum class Waiting : std::uint8_t {
  park,      ///< sleeps and looks, ever more seldom: takes next to no CPU time, and an event may wait for a nap
  yield,     ///< looks, and lets others run in between
  busy_spin  ///< looks: takes a whole core
};

inline constexpr unsigned most_dispatchers = 64;

struct BusOptions {
  std::size_t ring_capacity = 16384;   ///< events for each producer; a power of two, up to 2^32
  const ManualClock* clock = nullptr;  ///< a test's clock; null: the real one
  bool thread = true;                  ///< false: no dispatcher thread, poll() does its work
  Waiting waiting = Waiting::park;
  std::chrono::nanoseconds longest_nap = std::chrono::milliseconds(1);  ///< of an idle dispatcher
  /// After a silence, where neither a control is attached nor a pipeline waits for time: an eighth of the silence, up
  /// to this. Not if another `longest_nap` than the default is asked for, here or later: then that is the bound.
  std::chrono::nanoseconds idle_nap = std::chrono::milliseconds(20);
  /// Threads that run pipelines, 1 to 64; those that decide or are part of checkpoints run on the first.
  unsigned dispatchers = 1;
  /// Where their threads run: the i-th on cpus[i], and round again; empty: where the scheduler likes.
  std::vector<int> cpus{};
  /// Of a handler that blocks, of the drain of one sink at close.
  std::chrono::milliseconds deadline = std::chrono::seconds(30);
  Stores stores = Stores::automatic;  ///< how producers write events; options() says what it came to
  Sequence first_number = 1;  ///< of each ring's events, up to 2^63; a test begins where a watermark's number wraps
  /// Where rings get their memory from: a SharedBus, so that others can watch; null: the heap.
  std::shared_ptr<RingMemorySource> shared = nullptr;
};

/// Sums over all subscriptions; `events` counts each event once that was published before close() had come to its end.
struct BusAccount {
  std::uint64_t events = 0, published = 0, delivered = 0, dropped = 0, pending = 0, publisher_waits = 0,
                publisher_waited_ns = 0;
  std::uint64_t after_close = 0;  ///< published behind close(), and so handled by nobody: none of `events`
};

struct BusError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Events from the threads that publish them to the pipelines that listen. Publishing takes nothing but a slot in the
/// publisher's own ring; everything else happens on the dispatcher's thread.
///
///   sidestep::Bus bus;
///   bus.on<BatchEnd>() | every(100) | subscribe([](const BatchEnd& e) { fmt::print("{}\n", e.loss); });
///   auto producer = bus.producer("trainer");
///   producer.publish(BatchEnd{.step = 1, .loss = 2.3});
class Bus : detail::RefusesOthers {
 public:
  explicit Bus(BusOptions options = {});
  ~Bus();  ///< closes it
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  /// As BusOptions::dispatchers, said later: before the first producer and the first pipeline, else BusError.
  void dispatchers(unsigned n);

  using RefusesOthers::on;
  using RefusesOthers::publish;

  /// The source of a pipeline; `| ... | subscribe(f)` adds it and returns its Handle.
  template <Event... E>
  Source<E...> on() {
    (event_info<E>(), ...);
    PipelineOptions options;
    options.types = {event_id<E>...};
    return {this, std::move(options)};
  }

  /// A ring for the calling thread (or whoever it is moved to: one thread at a time). Throws BusError when closed.
  Producer producer(std::string_view name, Stream stream = Stream::others);

  /// Publishes from any thread through a producer of the thread's own. A thread of the bus never waits here: a full
  /// ring spills.
  template <Event E>
  void publish(const E& event) {
    thread_producer().publish(event);
  }

  /// What `|` calls at a pipeline's end. It sees every event that is published after this returned.
  Handle add(std::unique_ptr<Pipeline> pipeline, PipelineOptions options);

  /// Writes every event that is published from now on to a new log at `path` (docs/log.md), until close() or
  /// Recording::end(). Throws LogError if it exists already or can't be made. A disk that fails later ends the
  /// recording with a LogStopped, and nothing else.
  Recording record(const std::filesystem::path& path, RecordOptions options = {});

  /// Waits until everything published before is handled, behind observe_on too (or failed its deadline). Not from a
  /// handler.
  void flush();
  /// Drains, flushes windows, completes the pipelines in order of registration, joins. Idempotent. Not from a handler.
  void close();
  bool closed() const noexcept;
  /// A handler that isn't behind an observe_on has not returned within the deadline, while somebody waited for it: its
  /// pipeline failed, nothing more is delivered to any, and what is published is counted (BusAccount::after_close). All
  /// that is left to do is close().
  bool given_up() const noexcept;
  /// close() first asks `ask`, on its own thread: a loop that publishes elsewhere is to come to its end. True: it waits
  /// for the producers that hold (Producer::hold), and all goes on as before meanwhile. Null: nobody is asked.
  void on_close(std::function<bool()> ask);

  /// Without a thread: hands over what is there; false if there was nothing, or if the bus has a thread or is closed.
  /// Not from its own handlers (BusError); another bus' may, and are told false while another thread polls. Who
  /// publishes on the thread that polls must poll before a ring is full (16,384 events): a publish behind that waits
  /// for room, which nobody makes.
  bool poll();
  /// Ends the dispatcher's nap.
  void wake() noexcept;
  /// The longest nap from now on: a trainer sets it to half of k steps.
  void longest_nap(std::chrono::nanoseconds nap) noexcept;
  /// The dispatcher hangs in a handler for good: its cursor leaves every publisher's way, nothing more is delivered.
  void abandon_dispatcher() noexcept;

  /// Who collects states at a Barrier and hands them out at a CheckpointLoaded of the trainer's stream; null: nobody.
  void cut_sink(CutSink* sink) noexcept;
  bool has_cut_sink() const noexcept;  ///< a trainer's control is attached: it acts on events of the trainer's stream

  BusAccount account() const;
  /// Pipelines that are there. One that has come to its end is forgotten when nothing of it runs any more; kept are
  /// those that decide, those that are part of checkpoints unless they were ended, and the first 64 that failed.
  std::vector<Handle> subscriptions() const;
  /// What is kept of the others, by owner (128 of them; what comes later is "(others)").
  std::vector<std::unique_ptr<PastPipelines>> past() const;
  const Clock& clock() const noexcept { return clock_; }
  const BusOptions& options() const noexcept { return options_; }
  /// Tells buses of this process apart: no two have the same.
  std::uint64_t serial() const noexcept;

 private:
  Producer& thread_producer();

  BusOptions options_;
  Clock clock_;
  std::shared_ptr<Dispatcher> dispatcher_;
};

}  // namespace sidestep
