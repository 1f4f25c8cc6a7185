#include <sidestep/bus/recorder.hpp>

#include <sidestep/bus/dispatcher.hpp>
#include <sidestep/bus/events.hpp>
#include <sidestep/bus/wait_clock.hpp>

#include <stdexcept>

namespace sidestep {
namespace {

constexpr Nanoseconds disk_slice = 50'000;

/// Recording can't go on; the writer knows why.
struct RecordingOver {};

}  // namespace

Recorder::Recorder(std::shared_ptr<LogWriter> writer, std::shared_ptr<QueueAccount> account,
                   const RecordOptions& options, std::weak_ptr<Dispatcher> bus, std::chrono::nanoseconds deadline)
    : writer_(std::move(writer)),
      interval_(std::chrono::nanoseconds(options.interval).count()),
      patience_(deadline.count() / 2),  // before those who wait for the dispatcher give it up
      bus_(std::move(bus)),
      account_(std::move(account)) {
  try {
    next_block();
    for (const EventInfo* info : known_events()) {
      LoggedType type{.id = info->id, .size = info->size, .name = std::string(info->name), .fields = {}};
      if (info->layout != nullptr && !info->refers) type.fields = info->layout(nullptr);
      define(log_format::encode(type));
      know(type);
      known_[type.id].described = info->layout == nullptr || !info->refers;
    }
    next_block();
    while (writer_->blocks() < put_ && !writer_->failed()) std::this_thread::sleep_for(std::chrono::microseconds(20));
  } catch (const RecordingOver&) {
  }
  if (writer_->failed()) throw LogError(LogError::Kind::file, writer_->error());
}

void Recorder::bind(Subscription& subscription) {
  to_ = &subscription;
  subscription.add_queue(account_);
}

/// What goes wrong ends the recording.
template <class Work>
void Recorder::guarded(Work&& work) noexcept {
  if (stopped_) return;
  try {
    if (writer_->failed()) throw RecordingOver{};
    work();
  } catch (const RecordingOver&) {
    stop();
  } catch (const std::exception& error) {
    writer_->fail(writer_->path().string() + ": recording stopped: " + error.what());
    stop();
  }
}

std::size_t Recorder::run(std::span<const Slot> slots) noexcept {
  guarded([&] {
    for (const Slot& slot : slots) add(slot);
    // A barrier ends its span. One that is full says that blocks are filled quickly.
    if (slots.back().type == Barrier::id)
      hand_over(true);
    else if (slots.size() < Dispatcher::batch)
      hand_over(false);
  });
  return slots.size();
}

void Recorder::add(const Slot& slot) {
  Known& known = known_[slot.type];
  if (!known.described) [[unlikely]]
    describe(slot);
  for (unsigned i = 0; i < known.names; ++i) {
    std::uint32_t id;
    std::memcpy(&id, slot.body + known.name_at[i], sizeof id);
    if (id >= named_.size() || !named_[id]) [[unlikely]]
      define_name(id);
  }
  if (slot.ring != last_ring_) [[unlikely]]
    define_ring(slot.ring);
  if (!filler_.has_room_for_event()) [[unlikely]]
    next_block();
  filler_.add(slot.type, slot.size, slot.ring, slot.sequence, slot.stamp, slot.body, known.step_at);
}

void Recorder::know(const LoggedType& type) {
  Known& known = known_[type.id];
  const FieldLayout* const step = type.step();
  known.step_at = static_cast<std::int8_t>(step != nullptr ? step->offset : -1);
  known.names = 0;
  for (const FieldLayout& field : type.fields)
    if (field.kind == FieldKind::name && known.names < most_names) known.name_at[known.names++] = field.offset;
  known.described = true;
}

void Recorder::describe(const Slot& slot) {
  const EventInfo* const info = find_event(slot.type);
  LoggedType type{.id = slot.type, .size = slot.size, .name = "event " + std::to_string(slot.type), .fields = {}};
  if (info != nullptr && info->size == slot.size) {
    type.name = info->name;
    if (info->layout != nullptr) type.fields = info->layout(slot.body);
  }
  define(log_format::encode(type));
  know(type);
}

void Recorder::define_name(std::uint32_t id) {
  if (id >= log_format::name_ids) return;
  if (id >= named_.size()) named_.resize(id + std::size_t{1});
  named_[id] = true;
  define(log_format::encode_name(id, Name{id}.text()));
}

void Recorder::define_ring(std::uint32_t id) {
  last_ring_ = id;
  if (id < ring_known_.size() && ring_known_[id]) return;
  if (id >= ring_known_.size()) ring_known_.resize(id + std::size_t{1});
  ring_known_[id] = true;
  const auto bus = bus_.lock();
  if (const auto ring = bus != nullptr ? bus->find_ring(id) : nullptr)
    define(log_format::encode(LoggedRing{.id = id, .stream = ring->stream, .name = ring->name}));
}

void Recorder::define(const std::vector<std::byte>& record) {
  if (!filler_.has_room(record.size())) next_block();
  filler_.define(record);
}

/// The block goes, if there is one, and an empty one comes, if anything may follow.
void Recorder::next_block(bool is_last) {
  if (filler_.block() != nullptr) {
    ++put_;
    account_->marks_pushed.add(1);
    writer_->put(filler_.end(), is_last);
  }
  due_ = 0;
  if (!is_last) filler_.begin(fresh());
}

LogBlock& Recorder::fresh() {
  std::uint64_t seen = writer_->blocks();
  WaitClock slices;
  for (Nanoseconds waited = 0;; waited += slices.slice()) {
    if (LogBlock* const block = writer_->take()) return *block;
    if (writer_->failed()) throw RecordingOver{};
    if (const std::uint64_t now = writer_->blocks(); now != seen) seen = now, waited = 0;
    if (waited > patience_) {
      writer_->fail(writer_->path().string() +
                    ": recording stopped: the disk has not taken a block within the deadline.");
      throw RecordingOver{};
    }
    std::this_thread::sleep_for(std::chrono::nanoseconds(disk_slice));
  }
}

/// What is in the block goes, at once or when it has waited for long enough.
void Recorder::hand_over(bool at_once) {
  if (filler_.empty()) return;
  const Nanoseconds now = Clock::steady();
  if (due_ == 0) due_ = now + interval_;
  if (at_once || now >= due_) next_block();
}

void Recorder::hurry() noexcept {
  guarded([&] { hand_over(true); });
}

void Recorder::mark(const Mark& mark) noexcept {
  if (mark.kind == Mark::Kind::tick) return guarded([&] { hand_over(false); });
  if (mark.kind != Mark::Kind::end && mark.kind != Mark::Kind::cancel) return;
  guarded([&] {
    next_block(true);
    stopped_ = true;
    to_->finish(mark.kind == Mark::Kind::end ? Subscription::Life::completed : Subscription::Life::ended);
  });
}

/// The writer failed: says so, and nothing else is affected.
void Recorder::stop() noexcept {
  stopped_ = true;
  account_->given_up.store(true);
  to_->finish(Subscription::Life::completed);
  try {
    if (const auto bus = bus_.lock())
      bus->thread_producer().publish(LogStopped{.events = static_cast<std::int64_t>(writer_->events()),
                                                .file = intern(writer_->path().string()),
                                                .why = intern(writer_->error())});
  } catch (...) {  // closed meanwhile, or out of memory: Recording::error has it
  }
}

Recording::Recording(Handle handle, std::shared_ptr<LogWriter> writer)
    : handle_(std::move(handle)), writer_(std::move(writer)) {}

void Recording::end() {
  handle_->end();                    // waits for the last block, which is a mark of its queue
  if (BusThread::current()) return;  // a handler's thread puts it only later
  // it may have been ended before, by a handler, and its last block be on its way: that waits for nothing then
  for (int i = 0; i < 200'000 && !writer_->closed() && !writer_->failed() && handle_->error().empty(); ++i)
    std::this_thread::sleep_for(std::chrono::microseconds(50));
}

const std::filesystem::path& Recording::path() const noexcept { return writer_->path(); }
std::uint64_t Recording::events() const noexcept { return writer_->events(); }
std::uint64_t Recording::blocks() const noexcept { return writer_->blocks(); }
std::uint64_t Recording::bytes() const noexcept { return writer_->bytes(); }
bool Recording::failed() const noexcept { return writer_->failed(); }
std::string Recording::error() const { return writer_->error(); }

Recording Bus::record(const std::filesystem::path& path, RecordOptions options) {
  if (closed()) throw BusError(path.string() + ": a closed bus has nothing to record: begin before close().");
  auto account = std::make_shared<QueueAccount>();
  const auto done = [account] { account->mark_done(); };
  auto writer = std::make_shared<LogWriter>(
      path, LogWriterOptions{.compression = options.compression, .buffers = options.buffers, .done = done});
  try {
    auto recorder = std::make_unique<Recorder>(writer, account, options, dispatcher_, options_.deadline);
    PipelineOptions pipeline;
    pipeline.name = options.name;
    pipeline.stream = options.stream;
    Handle handle = dispatcher_->add(std::move(recorder), std::move(pipeline));
    return Recording(std::move(handle), std::move(writer));
  } catch (...) {  // it never began
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    throw;
  }
}

}  // namespace sidestep
