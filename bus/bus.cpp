#include <sidestep/bus/bus.hpp>

#include <sidestep/bus/affinity.hpp>
#include <sidestep/bus/dispatcher.hpp>
#include <sidestep/bus/events.hpp>

#include <unistd.h>

#include <bit>
#include <utility>

namespace sidestep {
namespace {

template <class... E>
void know() {
  (void)std::initializer_list<const EventInfo*>{detail::published<E>...};
}
/// What is published anywhere in a program is known from its start. So are these: a log's replay may publish what the
/// program never mentions.
[[maybe_unused]] constexpr auto known =
    &know<FitBegin, FitEnd, EpochBegin, EpochEnd, BatchBegin, BatchEnd, ValidationBegin, ValidationEnd, TestEnd, Metric,
          Barrier, CheckpointSaved, CheckpointLoaded, DecisionApplied, DecisionRefused, PipelineFailed, ExceptionRaised,
          MemoryReleased, LogStopped>;

void check_dispatchers(const BusOptions& options) {
  if (options.dispatchers == 0 || options.dispatchers > most_dispatchers)
    throw BusError(std::to_string(options.dispatchers) + " dispatchers: a bus has 1 to " +
                   std::to_string(most_dispatchers) + ".");
  for (const int cpu : options.cpus)
    if (!may_run_on(cpu))
      throw BusError("BusOptions::cpus names CPU " + std::to_string(cpu) +
                     ", which this process may not use: see `taskset -p $$`.");
}

/// What the machine has; 0: it doesn't say.
std::uint64_t machine_memory() noexcept {
  const long pages = ::sysconf(_SC_PHYS_PAGES), size = ::sysconf(_SC_PAGESIZE);
  return pages > 0 && size > 0 ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(size) : 0;
}

void check_rings(const BusOptions& options) {
  const auto text = [](std::uint64_t number) { return std::to_string(number); };
  const std::size_t capacity = options.ring_capacity;
  const std::string asked = "ring capacity " + text(capacity);
  // before anything is computed from it: the power of two behind it may be more than its type can hold
  if (capacity > most_slots)
    throw BusError(asked + " is more than a ring has, " + text(most_slots) + " events: choose " +
                   text(BusOptions{}.ring_capacity) + " or some power of two near it.");
  if (!std::has_single_bit(capacity) || capacity < 2)
    throw BusError(asked + " isn't a power of two: choose " + text(std::bit_ceil(capacity < 2 ? 2 : capacity)) + ".");
  const std::uint64_t memory = machine_memory();
  if (memory != 0 && capacity > memory / sizeof(Slot))
    throw BusError(asked + " takes " + text(capacity * sizeof(Slot) >> 20) +
                   " MiB for each producer, and this machine has " + text(memory >> 20) + ": choose at most " +
                   text(std::bit_floor(memory / sizeof(Slot))) + ".");
  const Sequence first = options.first_number;
  if (first == 0 || first > greatest_first_number)
    throw BusError("first number " + text(first) + ": choose 1 to " + text(greatest_first_number) + ".");
}

}  // namespace

Bus::Bus(BusOptions options) : options_(options), clock_(options.clock) {
  check_rings(options);
  check_event_types();
  check_dispatchers(options);
  // Without a thread it is polled by who publishes, or near him: plain stores stay in their cache.
  const Stores asked = !options.thread && options.stores == Stores::automatic ? Stores::plain : options.stores;
  options_.stores = resolve(asked);
  dispatcher_ = std::make_shared<Dispatcher>(options_, clock_, stream_within(asked));
  dispatcher_->start();
}

void Bus::dispatchers(unsigned n) {
  if (!dispatcher_->untouched())
    throw BusError("bus.dispatchers(" + std::to_string(n) +
                   ") came behind a producer or a pipeline: say it before, or in BusOptions.");
  BusOptions changed = options_;
  changed.dispatchers = n;
  check_dispatchers(changed);
  options_ = changed;
  dispatcher_->close();
  const auto before = std::exchange(dispatcher_, std::make_shared<Dispatcher>(options_, clock_, dispatcher_->within));
  // relaxed, all: nobody else knows either
  dispatcher_->longest_nap.store(before->longest_nap.load(std::memory_order_relaxed), std::memory_order_relaxed);
  dispatcher_->nap_was_set.store(before->nap_was_set.load(std::memory_order_relaxed), std::memory_order_relaxed);
  dispatcher_->start();
}

Bus::~Bus() { close(); }

Producer Bus::producer(std::string_view name, Stream stream) {
  if (closed()) throw BusError("producer '" + std::string(name) + "' joined a closed bus: make it before close().");
  return Producer(dispatcher_->make_ring(name, stream == Stream::trainer ? Stream::trainer : Stream::others),
                  dispatcher_, clock_);
}

Producer& Bus::thread_producer() {
  dispatcher_->about_to_publish();
  return dispatcher_->thread_producer();
}
Handle Bus::add(std::unique_ptr<Pipeline> pipeline, PipelineOptions options) {
  return dispatcher_->add(std::move(pipeline), std::move(options));
}
void Bus::flush() { dispatcher_->flush(); }
void Bus::close() {
  dispatcher_->close();
  if (options_.shared != nullptr) options_.shared->end();
}
void Bus::on_close(std::function<bool()> ask) { dispatcher_->on_close(std::move(ask)); }
bool Bus::closed() const noexcept { return dispatcher_->closed(); }
bool Bus::given_up() const noexcept { return dispatcher_->dead(); }
bool Bus::poll() { return !options_.thread && dispatcher_->poll(); }  // beside its thread it would race
void Bus::wake() noexcept { dispatcher_->wake(); }
void Bus::longest_nap(std::chrono::nanoseconds nap) noexcept {
  // relaxed, both: advice, orders nothing
  dispatcher_->longest_nap.store(nap.count(), std::memory_order_relaxed);
  dispatcher_->nap_was_set.store(true, std::memory_order_relaxed);
}
void Bus::abandon_dispatcher() noexcept { dispatcher_->abandon(); }
void Bus::cut_sink(CutSink* sink) noexcept { dispatcher_->cut_sink.store(sink); }
bool Bus::has_cut_sink() const noexcept { return dispatcher_->cut_sink.load() != nullptr; }
BusAccount Bus::account() const { return dispatcher_->account(); }
std::uint64_t Bus::serial() const noexcept { return dispatcher_->serial(); }
std::vector<Handle> Bus::subscriptions() const { return dispatcher_->subscriptions(); }
std::vector<std::unique_ptr<PastPipelines>> Bus::past() const { return dispatcher_->past(); }

}  // namespace sidestep
