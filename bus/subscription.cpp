#include <sidestep/bus/dispatcher.hpp>
#include <sidestep/bus/running.hpp>

#include <algorithm>
#include <new>

namespace sidestep {
namespace {

// FNV-1a: the key must be the same in every build, which std::hash doesn't promise.
std::uint64_t hash(std::uint64_t seed, std::string_view text) {
  for (const unsigned char c : text) seed = (seed ^ c) * 1099511628211ULL;
  return (seed ^ 0xff) * 1099511628211ULL;
}

/// Where a part of it runs is no part of what it is: who moves it elsewhere goes on with its state.
std::string_view wherever(std::string_view line) {
  constexpr std::string_view elsewhere = "observe_on";
  return line.starts_with("observe_on(") ? elsewhere : line;
}

std::string key_of(const PipelineOptions& options, const Pipeline& pipeline) {
  std::uint64_t value = hash(14695981039346656037ULL, options.settings);
  for (const std::string& line : pipeline.describe()) value = hash(value, wherever(line));
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text += digits[(value >> shift) & 15];
  return options.owner + "/" + options.name + "/" + text;
}

}  // namespace

Subscription::Subscription(std::shared_ptr<Dispatcher> bus, unsigned registration, PipelineOptions options,
                           std::unique_ptr<Pipeline> pipeline)
    : bus_(bus),
      bus_serial_(bus->serial()),
      clock_(bus->clock()),
      deadline_(bus->options().deadline),
      registration_(registration),
      options_(std::move(options)),
      pipeline_(std::move(pipeline)) {
  if (options_.name.empty()) options_.name = options_.owner.empty() ? "pipeline" : options_.owner;
  if (options_.owner.empty()) options_.owner = options_.name;
  if (options_.saved || options_.decides) options_.stream = Stream::trainer;
  key_ = key_of(options_, *pipeline_);
  if (options_.types.empty()) types_seen_as_ = ~std::uint64_t{0};
  for (const EventId type : options_.types) types_seen_as_ |= std::uint64_t{1} << (type % 64);
}

Subscription::~Subscription() { pipeline_.reset(); }  // it looks at what is declared behind it

void Subscription::end() {
  if (RunningHandler* const here = RunningHandler::current(); here != nullptr && here->whose == this) {
    ended_inside_.store(true);
    here->stop();
  }
  if (const auto bus = bus_.lock()) bus->end(*this);
}

bool Subscription::admit() {
  const auto bus = bus_.lock();
  return bus != nullptr && bus->admit(*this);
}

std::string Subscription::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

std::vector<std::string> Subscription::passed_by_kinds() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> kinds;
  for (const PassedKind& kind : passed_kinds_) {
    const EventInfo* const info = find_event(kind.type);
    std::string words(info != nullptr ? info->name : std::string_view("an event"));
    if (kind.metric != Name{}) words.append(" '").append(kind.metric.text()).append("'");
    kinds.push_back(std::move(words.append(" of producer '").append(kind.producer).append("'")));
  }
  return kinds;
}

void Subscription::fail(std::string_view error, Sequence number) noexcept {
  {
    const std::lock_guard lock(mutex_);
    try {
      if (error_.empty()) error_ = error.empty() ? "failed" : error;
    } catch (const std::bad_alloc&) {
      error_ = "failed";  // short enough to need no memory
    }
    if (!life_.end(Life::failed)) return;  // behind the error: whoever sees `failed` finds it
  }
  if (const auto bus = bus_.lock()) {
    bus->note_end();
    bus->report_failure(*this, number);
  }
}

void Subscription::finish(Life how) noexcept {
  if (!life_.end(how)) return;
  if (const auto bus = bus_.lock()) bus->note_end();
}

bool Subscription::queues_idle() const noexcept {
  if (failed()) return true;
  return std::all_of(queues_.begin(), queues_.end(), [](const auto& queue) { return queue->idle(); });
}

}  // namespace sidestep
