#include <sidestep/operators/filter.hpp>
#include <sidestep/operators/observe_on.hpp>
#include <sidestep/operators/subscribe.hpp>
#include <sidestep/trainer/callbacks/any_event.hpp>
#include <sidestep/trainer/callbacks/arguments.hpp>
#include <sidestep/trainer/callbacks/jsonl_logger.hpp>

#include <fmt/format.h>

#include <bitset>

namespace sidestep {
namespace {

constexpr Nanoseconds flush_interval = 1'000'000'000;

/// The types that are logged.
std::vector<EventId> logged_types() {
  std::vector<EventId> types;
  for (EventId id = 1; id < event_ids; ++id)
    if (id != BatchBegin::id && id != Barrier::id && id != CheckpointLoaded::id && find_event(id) != nullptr)
      types.push_back(id);
  return types;
}

/// Which events are logged. What it holds are constants.
class Logged {
 public:
  Logged(const std::vector<EventId>& types, Step every) : every_(every) {
    for (const EventId type : types) types_.set(type);
  }
  bool operator()(const Slot& slot) const {
    if (!types_.test(slot.type)) return false;
    if (slot.type == FitBegin::id) return !slot.as<FitBegin>().resumed;
    if (every_ == 1) return true;
    if (slot.type == BatchEnd::id) return slot.as<BatchEnd>().step % every_ == 0;
    if (slot.type != Metric::id) return true;
    const Metric& metric = slot.as<Metric>();
    return metric.step % every_ == 0 || !metric.metric.text().starts_with("batch/");
  }
  void state(auto&) {}

 private:
  std::bitset<event_ids> types_;
  Step every_;
};

void know_all_event_types() {
  (void)event_info<FitBegin>(), (void)event_info<FitEnd>(), (void)event_info<EpochBegin>(),
      (void)event_info<EpochEnd>();
  (void)event_info<BatchEnd>(), (void)event_info<ValidationBegin>(), (void)event_info<ValidationEnd>();
  (void)event_info<TestEnd>(), (void)event_info<Metric>(), (void)event_info<CheckpointSaved>();
  (void)event_info<DecisionApplied>(), (void)event_info<DecisionRefused>(), (void)event_info<PipelineFailed>();
  (void)event_info<ExceptionRaised>(), (void)event_info<MemoryReleased>();
}

}  // namespace

void JsonlWriter::operator()(const Slot& event) {
  const EventInfo* const info = find_event(event.type);
  json_.begin();
  json_.text("event", info->name);
  if (info->visit != nullptr) info->visit(event.body, json_);
  json_.time("wall_time", event.stamp);
  file_->append(json_.end());
  // Who looks at the file meanwhile sees it grow; and an epoch's end, or the run's, is worth a write at once.
  const bool worth = event.type == EpochEnd::id || event.type == FitEnd::id || event.type == TestEnd::id;
  if (worth || event.stamp - flushed_ >= flush_interval) {
    flushed_ = event.stamp;
    file_->flush();
  }
}

Callback jsonl_logger(JsonlLoggerOptions options) {
  if (options.file.empty())
    throw CallbackError("jsonl_logger: it has no file. Say file=metrics.jsonl, or another name.");
  if (options.file == options.events)
    throw CallbackError(
        fmt::format("jsonl_logger: file and events are both {}. Say two names.", options.file.string()));
  if (options.every < 1)
    throw CallbackError(fmt::format("jsonl_logger: every={} never comes. Say 1 or more.", options.every));
  // the files' names, not where they lie: as csv_logger
  return {"jsonl_logger",
          fmt::format("file={},events={},every={}", options.file.filename().string(),
                      options.events.filename().string(), options.every),
          [options](CallbackContext& run) {
            know_all_event_types();
            const auto open = run.resumed ? RowFile::Open::keep : RowFile::Open::fresh;
            auto file = std::make_shared<RowFile>(callback_file(run, options.file), open);
            std::vector<EventId> types = logged_types();
            const Logged logged(types, options.every);
            detail::any_event(run, types, Stream::trainer) | filter(logged) | observe_on(io) |
                subscribe(saved, JsonlWriter(std::move(file)));
            if (options.events.empty()) return;
            auto others = std::make_shared<RowFile>(callback_file(run, options.events), RowFile::Open::keep);
            detail::any_event(run, types, Stream::others) | filter(Logged(types, 1)) | observe_on(io) |
                subscribe(JsonlWriter(std::move(others)));
          }};
}

namespace {

constexpr CallbackOption jsonl_logger_options[] = {
    {"file", "path", "metrics.jsonl", "of the trainer's events, in the run's folder"},
    {"events", "path", "events.jsonl", "of all other events; empty: none"},
    {"every", "integer", "1", "BatchEnd and batch/* metrics only of every N-th step"}};

Callback make_jsonl_logger(const CallbackArguments& given) {
  JsonlLoggerOptions o;
  given.path("file", o.file).path("events", o.events).integer("every", o.every, 1);
  return jsonl_logger(o);
}

}  // namespace

constinit const CallbackEntry jsonl_logger_entry{
    .name = "jsonl_logger",
    .summary = "metrics.jsonl: every event, one JSON object a line",
    .options = jsonl_logger_options,
    .make = make_jsonl_logger,
    .by_default = "",
};

}  // namespace sidestep
