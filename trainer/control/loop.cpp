#include <sidestep/trainer/control/loop.hpp>

#include <sidestep/operators/pipe.hpp>
#include <sidestep/operators/subscribe.hpp>
#include <sidestep/trainer/control/loop_inside.hpp>
#include <sidestep/trainer/control/safetensors.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace sidestep {
namespace detail {
namespace {

Nanoseconds cost_of_the_timer() {
  Nanoseconds least = 1'000'000;
  for (int i = 0; i < 64; ++i) {
    const Nanoseconds begin = Clock::steady();
    least = std::min(least, Clock::steady() - begin);
  }
  return least;
}

std::string names_of(ControlCore& core, const DeciderEntry& entry) {
  std::string all;
  for (const auto& asker : core.askers())
    if (&asker->decider == &entry) all += (all.empty() ? "" : ", ") + asker->by;
  return all;
}

/// For threads that may never come back.
void keep_for_ever(std::shared_ptr<CutBook> book) {
  static std::mutex mutex;
  static auto* const kept = new std::vector<std::shared_ptr<CutBook>>;  // never destroyed
  const std::lock_guard lock(mutex);
  kept->push_back(std::move(book));
}

/// It is what the bus calls a pipeline that nobody has named.
bool is_nobodys(std::string_view name) { return name == "pipeline" || name.starts_with("pipeline#"); }

}  // namespace

std::string name_or_chain(Subscription& pipeline) {
  return is_nobodys(pipeline.name()) ? fmt::format("{}", fmt::join(pipeline.pipeline().describe(), " -> "))
                                     : pipeline.name();
}

std::string called(Subscription& pipeline) {
  return is_nobodys(pipeline.name()) ? name_or_chain(pipeline) : fmt::format("'{}'", pipeline.name());
}

std::string LoopInside::asker_called(const std::string& by) const {
  for (const auto& asker : core->askers())
    if (asker->by == by && is_nobodys(by)) return name_or_chain(asker->subscription);
  return by;
}

LoopInside::LoopInside(Loop& owner, std::shared_ptr<ControlCore> shared, Bus& on, AttachOptions how)
    : loop(owner),
      hot(owner.hot_),
      core(std::move(shared)),
      bus(on),
      options(std::move(how)),
      sync(options.sync.value_or(lag(2))),
      watch(bus, *core, loop.producer_, options.decision_deadline,
            [this](DeciderEntry& entry, const std::string& why) {
              if (entry.subscription == nullptr) abandoned = true;
              note_broken(names_of(*core, entry), why);
              for (const auto& asker : core->askers())
                if (&asker->decider == &entry)
                  asker->subscription.fail(why + "; training goes on without it.", last_number());
            }),
      book(std::make_shared<CutBook>(*core, options.decision_deadline)),
      writer(bus, *book, options.folder, options.last, options.before_visible),
      timer_ns(cost_of_the_timer()) {
  set_sync(sync);
  hot.bell = &core->first.bell;
  core->attach(*this, bus.serial());
  Request left;
  for (DeciderEntry* const entry : core->deciders()) {
    while (core->mailbox.try_dequeue_from_producer(entry->token, left)) {
    }  // of an earlier loop: nobody's any more
    // relaxed: only a loop stores it. One that an earlier loop has failed is for good: its word stands still.
    entry->watched = true;
    if (!entry->decider.failed.load(std::memory_order_relaxed)) watch.add(*entry, last_number(), true);
  }
  bus.cut_sink(book.get());
  loop.producer_.hold(true);
  bus.on_close([shared = core] { return shared->ask_to_end(); });
}

void LoopInside::set_sync(Sync how) {
  sync = how;
  relaxed_ = hot.quick = how.relaxed();
  recent_.assign(static_cast<std::size_t>(how.k) + 1, last_number());  // nothing to wait for yet
}

LoopInside::~LoopInside() {
  if (fail_fast != nullptr) fail_fast->end();
  bus.cut_sink(nullptr);
  book->give_up();  // drain() has, unless it threw on its way: the writer would wait for ever
  book->close();
  bus.on_close(nullptr);
  core->detach();
  // no loop is there any more: it begins at once
  for (const auto& asker : core->take_joining()) asker->subscription.admit();
}

void LoopInside::check_decider(Subscription& pipeline) {
  const PipelineOptions& how = pipeline.options();
  if (sync.relaxed() || !how.decides) return;
  if (!how.overload.lossless())
    throw ControlError(fmt::format(
        "pipeline {} decides and has an overload policy that drops events: under {} no two runs would be equal. Leave "
        "the policy out, or say .sync = relaxed.",
        called(pipeline), sync.text()));
  if (!how.wall_time) return;
  if (!how.wall_time_allowed)
    throw ControlError(fmt::format(
        "pipeline {} decides and has an operator that depends on the wall clock: under {} no two runs would be "
        "equal. Take the operator out, say .sync = relaxed, or decide(control, f, {{.wall_time = true}}).",
        called(pipeline), sync.text()));
  if (begun) note_broken(pipeline.owner(), "depends on the wall clock, as its user allowed");
}

void LoopInside::begin() {
  if (begun) return;
  begun = true;
  for (const Handle& pipeline : bus.subscriptions()) check_decider(*pipeline);
  watch.set_eager(!sync.relaxed());
  if (from) await_restored();
}

/// Before the first step everybody has his state. Who can't go on with it (rows that a log file has lost, a state of
/// other stages) is bad input, seen before anything begins.
void LoopInside::await_restored() {
  std::vector<Handle> all = bus.subscriptions();
  std::erase_if(all, [](const Handle& one) { return !one->options().saved || one->failed(); });
  loop.producer_.publish(CheckpointLoaded{.step = from->step, .file = intern(from_name)});
  if (!BusThread::current()) bus.flush();
  for (const Handle& one : all)
    if (one->failed())
      throw CheckpointError(fmt::format("{} can't go on from {}: {}", called(*one), from_name, one->error()));
}

const CheckpointState& LoopInside::resume(CheckpointState state, std::string_view name) {
  if (begun) throw ControlError("resume() was called behind the first event: call it before.");
  if (from) throw ControlError("resume() was called twice.");
  if (options.sync && *options.sync != state.sync)
    warnings.push_back(fmt::format("{} was written under {} and goes on under {}: this is not the uninterrupted run.",
                                   name, state.sync.text(), options.sync->text()));
  sync = options.sync.value_or(state.sync);
  set_sync(sync);
  waits_ = !state.pending.empty();
  hot.quick = relaxed_ && !waits_;
  loop.place_.step = hot.last_step = state.step;
  loop.place_.epoch = state.epoch;
  loop.place_.batch = state.batch;
  loop.place_.segment = state.segment;
  loop.place_.learning_rate = state.learning_rate;
  decisions = state.decisions;
  refused = state.refused;
  broken = state.broken;
  if (state.sync.relaxed() && !sync.relaxed()) note_broken("sync", "was relaxed up to there");
  std::uint64_t place = 0;
  for (const PendingRow& row : state.pending) {
    next_waits_ |= row.segment == sidestep::Segment::next;
    pending.add({.decision = Decision(intern(row.decision), row.argument),
                 .restored = ++place,
                 .count = row.count,
                 .pipeline = row.pipeline,
                 .by = row.by,
                 .cause_step = row.cause_step,
                 .segment = row.segment,
                 .due_step = row.due_step});
  }
  for (const PipelineState& pipeline : state.pipelines)
    ranks_.emplace(pipeline.key, static_cast<std::uint32_t>(ranks_.size()));
  book->load(state);
  // What it superseded went when it became visible, unless the process was killed right between. Where a `last` may
  // still name those files, they wait for the next one.
  const bool is_last = name == options.last || (state.last && !writer.any_last());
  if (is_last) writer.there_is_a_last();
  std::error_code gone_already;
  if (is_last || !writer.any_last())
    for (const auto& [gone, by] : state.superseded)
      if (std::filesystem::exists(options.folder / by, gone_already))
        std::filesystem::remove(options.folder / gone, gone_already);
  if (!is_last) carried_ = state.superseded;
  from = std::move(state);
  from_name = name;
  if (const auto stop = loop.stopped_by())
    warnings.push_back(fmt::format(
        "{} is where {} stopped the run, at step {}{}: what is trained from here on goes beyond that.", name, stop->by,
        stop->applied_step, stop->reason.empty() ? "" : fmt::format(" ({})", stop->reason)));
  return *from;
}

void LoopInside::add_decider(DeciderEntry& entry) {
  watch.add(entry, last_number(), !sync.relaxed() || !unsealed_.empty());
  entry.watched = true;
}

/// Pipelines that decide and were added elsewhere take part from here on: first the word in the trainer's table, then
/// the number of its first event, which is the next one.
void LoopInside::admit_joining() {
  for (const auto& asker : core->take_joining())
    // Where this is never run, since the loop broke off, the pipeline begins when it is dropped.
    say([this, asker, at_last = std::shared_ptr<void>(nullptr, [asker](void*) { asker->subscription.admit(); })] {
      Subscription& pipeline = asker->subscription;
      try {
        check_decider(pipeline);
      } catch (const ControlError& error) {
        pipeline.fail(error.what(), last_number());
        pipeline.admit();
        return;
      }
      if (!asker->decider.watched) add_decider(asker->decider);
      if (pipeline.admit())
        note_broken(pipeline.owner(), "was added from outside the stream");
      else if (asker->decider.subscription != nullptr)
        asker->decider.decider.finish();  // it has ended meanwhile
    });
}

/// Pipelines that the checkpoint knows come in its order, others behind them.
std::uint32_t LoopInside::rank_of(const std::string& key, std::uint32_t registration) const {
  const auto at = ranks_.find(key);
  return at != ranks_.end() ? at->second : static_cast<std::uint32_t>(ranks_.size()) + registration;
}

void LoopInside::note_broken(std::string by, std::string why) {
  // Each once, at its first step: what comes with every batch would fill the report and every checkpoint.
  for (const BrokenRow& row : broken)
    if (row.by == by && row.why == why) return;
  broken.push_back({loop.place_.step, std::move(by), std::move(why)});
}

}  // namespace detail

Loop::Loop(Control& control, Bus& bus, AttachOptions options)
    : control_(control),
      producer_(bus.producer(options.producer, Stream::trainer)),
      inside_(std::make_unique<detail::LoopInside>(*this, control.shared(), bus, std::move(options))) {
  producer_.on_wait({[](void* self, Nanoseconds length) {
                       auto& inside = *static_cast<detail::LoopInside*>(self);
                       inside.watch.slice(inside.loop.producer_.next() - 1, length, false);
                     },
                     inside_.get()});
  if (inside_->options.fail_fast)
    inside_->fail_fast =
        bus.on<PipelineFailed>().named("fail_fast") | subscribe([shared = inside_->core](const PipelineFailed& failed) {
          shared->request(Stop{fmt::format("pipeline '{}' failed", failed.pipeline.text())}, "fail_fast");
        });
}

Loop::~Loop() {
  try {
    inside_->drain();
  } catch (...) {  // its user has had finish() for this
  }
  producer_.on_wait({});
  producer_.hold(false);
  // A handler that hangs, perhaps while it saves its state, may still hand it over when it wakes.
  const std::vector<Handle> all = inside_->bus.subscriptions();
  if (inside_->abandoned || std::any_of(all.begin(), all.end(), [](const Handle& one) { return one->failed(); }))
    detail::keep_for_ever(inside_->book);
  // they were of this run: the next loop on the bus has its own
  for (const Handle& one : inside_->of_callbacks) one->end();
}

void Loop::use(std::span<const Callback> callbacks) {
  if (inside_->begun) throw ControlError("use() was called behind the first event: call it before.");
  const AttachOptions& how = inside_->options;
  std::error_code ignored;  // whoever writes there says it better
  if (!how.run_folder.empty() && !callbacks.empty()) std::filesystem::create_directories(how.run_folder, ignored);
  const std::vector<Handle> before = inside_->bus.subscriptions();
  for (const Callback& callback : callbacks) {
    CallbackContext context{.bus = inside_->bus,
                            .control = control_,
                            .name = callback.name,
                            .settings = callback.settings,
                            .folder = how.run_folder,
                            .checkpoints = how.folder,
                            .sync = inside_->sync,
                            .seed = how.seed,
                            .learning_rate = how.learning_rate,
                            .resumed = resumed(),
                            .begins_again = how.begins_again && !resumed(),
                            .can_save = how.snapshot != nullptr,
                            .last = how.last,
                            .files = &inside_->callback_files,
                            .notes = inside_->notes};
    callback.attach(context);
    for (auto& ask : context.at_begin) inside_->at_begin.emplace_back(callback.name, std::move(ask));
  }
  for (const Handle& one : inside_->bus.subscriptions())
    if (std::find(before.begin(), before.end(), one) == before.end()) inside_->of_callbacks.push_back(one);
}

void Loop::add_handler(Name kind, std::function<Outcome(const Decision&, const Cause&)> handler) {
  if (kind == decision_info<Stop>().kind || kind == decision_info<SaveCheckpoint>().kind)
    throw ControlError(fmt::format("'{}' is the loop's own: it takes no handler.", kind.text()));
  inside_->handlers[kind.id] = std::move(handler);
}

const CheckpointState& Loop::resume(const std::filesystem::path& file) {
  const SafetensorsFile checkpoint = SafetensorsFile::read(file);
  return resume(CheckpointState::from_text(checkpoint.text(checkpoint_key), file.string()), file.filename().string());
}
const CheckpointState& Loop::resume(CheckpointState state, std::string_view name) {
  return inside_->resume(std::move(state), name);
}

Nanoseconds Loop::before_sample() {
  inside_->begin();
  until_sample_ = 61;  // odd: a step's two events take turns
  return Clock::steady();
}
void Loop::sampled(Nanoseconds begin) noexcept { publish_ns_.record(Clock::steady() - begin - inside_->timer_ns); }

void Loop::behind_fit_begin(const FitBegin& begin) { inside_->behind_fit_begin(begin); }

void Loop::interrupt(const char* by) noexcept { inside_->core->interrupt(by); }

Sync Loop::sync() const noexcept { return inside_->sync; }
bool Loop::resumed() const noexcept { return inside_->from.has_value(); }
const CheckpointState* Loop::resumed_from() const noexcept { return inside_->from ? &*inside_->from : nullptr; }
std::string_view Loop::interrupted() const noexcept { return inside_->interrupted_by; }
Nanoseconds Loop::waited_ns() const noexcept { return inside_->watch.waited(); }
Control& Loop::control() const noexcept { return control_; }
Bus& Loop::bus() const noexcept { return inside_->bus; }
const AttachOptions& Loop::options() const noexcept { return inside_->options; }
const Histogram& Loop::boundary_ns() const noexcept { return inside_->boundary_ns; }
Step Loop::behind() const noexcept { return inside_->behind(); }
std::uint64_t Loop::boundaries() const noexcept {
  const bool behind_fit_end = inside_->ended && inside_->interrupted_by.empty();  // in the list, and none of them
  return inside_->boundaries() - (behind_fit_end ? 1 : 0);
}
std::uint64_t Loop::waits() const noexcept { return inside_->watch.waits(); }
std::span<const AppliedRow> Loop::decisions() const noexcept { return inside_->decisions; }
std::span<const RefusedRow> Loop::refused() const noexcept { return inside_->refused; }
std::span<const BrokenRow> Loop::broken() const noexcept { return inside_->broken; }
std::vector<std::string> Loop::failed() const {
  std::vector<std::string> all;
  for (const Handle& pipeline : inside_->bus.subscriptions())
    if (pipeline->failed()) all.push_back(fmt::format("{}: {}", detail::name_or_chain(*pipeline), pipeline->error()));
  for (std::string& each : checkpoint_errors()) all.push_back(std::move(each));
  all.insert(all.end(), inside_->unanswered.begin(), inside_->unanswered.end());
  return all;
}
std::span<const std::string> Loop::not_carried_out() const noexcept { return inside_->unanswered; }
std::optional<AppliedRow> Loop::stopped_by() const {
  std::span<const AppliedRow> rows = decisions();
  const auto stop =
      std::find_if(rows.rbegin(), rows.rend(), [](const AppliedRow& row) { return row.decision == Stop::decision; });
  if (stop == rows.rend() || stop->applied_step != step()) return std::nullopt;
  return *stop;
}
std::span<const std::string> Loop::warnings() const noexcept { return inside_->warnings; }
std::uint64_t Loop::checkpoints_failed() const noexcept { return inside_->writer.failures(); }
std::vector<std::string> Loop::checkpoint_errors() const { return inside_->writer.errors(); }
std::vector<PendingRow> Loop::pending() const {
  std::vector<PendingRow> rows;
  for (const detail::Taken& one : inside_->pending.sorted()) rows.push_back(one.row());
  return rows;
}

void Loop::end() { inside_->end(); }
void Loop::finish() { inside_->finish(); }
void Loop::all_in() const { inside_->check_all_in("the end of an epoch"); }
void Loop::before_end() { inside_->cut_before_end(); }

}  // namespace sidestep
