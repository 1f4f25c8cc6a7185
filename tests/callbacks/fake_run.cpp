#include "callbacks/fake_run.hpp"
#include "scratch_folder.hpp"

#include <sidestep/trainer/control/loop.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstring>
#include <sstream>

namespace sidestep::test {

void FakeRun::go() {
  Bus bus;
  if (before) before(bus);
  Control control;
  AttachOptions options{
      .sync = sync, .run_folder = folder.empty() ? "." : folder, .seed = 1, .learning_rate = asked_rate};
  const std::filesystem::path last = folder / "checkpoints" / "last.safetensors";
  if (!folder.empty()) {
    options.folder = folder / "checkpoints";
    options.snapshot = [this](const Cut&) {
      return [w = weight, k = kept, s = schedule, f = factor](const std::filesystem::path& path,
                                                              const CheckpointState& state) {
        write_text(path, fmt::format("{} {} {} {} {} {} {} {} {} {} {}\n{}", w, k, f, static_cast<int>(s.shape), s.base,
                                     s.warmup, s.warmup_from, s.factor, s.every, s.length, s.floor, state.to_text()));
      };
    };
  }
  auto loop = control.attach(bus, options);
  loop.on<ScaleLearningRate>([this, &loop](const ScaleLearningRate& d) {
    const double planned = schedule.at(loop.step() + 1), floor = planned > 0 ? d.min_lr / planned : 0;
    factor = std::min(factor, std::max(factor * d.by, floor));
    return Outcome{{}, learning_rate = planned * factor, {}};
  });
  loop.on<SetSchedule>([this](const SetSchedule& d) { schedule = d.schedule; });
  loop.on<KeepWeights>([this](const KeepWeights&) { kept = weight; });
  loop.on<RestoreBest>([this](const RestoreBest&) { weight = kept; });
  loop.on<ReleaseMemory>(
      [&loop](const ReleaseMemory&) { loop.publish(MemoryReleased{.step = loop.step(), .bytes_released = 4096}); });
  if (resume) {
    std::istringstream text(read_text(last));
    int shape = 0;
    text >> weight >> kept >> factor >> shape >> schedule.base >> schedule.warmup >> schedule.warmup_from >>
        schedule.factor >> schedule.every >> schedule.length >> schedule.floor;
    schedule.shape = static_cast<Schedule::Shape>(shape);
    learning_rate = schedule.at(loop.step()) * factor;
    text.get();
    const std::string state(std::istreambuf_iterator<char>(text), {});
    loop.resume(CheckpointState::from_text(state, last.string()), "last.safetensors");
  }
  loop.use(callbacks);

  const auto epoch_of = [&](Step step) { return static_cast<Epoch>((step - 1) / steps_per_epoch + 1); };
  const auto metric = [&](std::string_view name, double value) {
    loop.publish(Metric{.step = loop.step(), .value = value, .metric = intern(name), .epoch = epoch_of(loop.step())});
  };
  const auto end_epoch = [&] {
    const Epoch epoch = epoch_of(loop.step());
    metric("train/loss", loss(loop.step()));
    metric("val/loss", val_loss(epoch));
    metric("val/accuracy", val_accuracy(epoch));
    for (const auto& [name, value] : more_metrics) metric(name, value(epoch));
    loop.publish(EpochEnd{.step = loop.step(), .seconds = 0.5, .samples = 10 * steps_per_epoch, .epoch = epoch});
    loop.boundary();
    for (const auto& [name, value] : metrics_behind) metric(name, value(epoch));
  };

  Step step = loop.step();
  loop.publish(FitBegin{.step = step,
                        .steps_per_epoch = steps_per_epoch,
                        .last_step = steps,
                        .epoch = epoch_of(step + 1),
                        .epochs = epoch_of(steps)});
  if (loop.resumed() && loop.resumed_from()->segment == Segment::batch && step % steps_per_epoch == 0) end_epoch();
  while (step < steps && !loop.stopped()) {
    ++step;
    if ((step - 1) % steps_per_epoch == 0)
      loop.publish(
          EpochBegin{.step = step - 1, .epoch = epoch_of(step), .batches = static_cast<std::int32_t>(steps_per_epoch)});
    learning_rate = schedule.at(step) * factor;
    loop.publish(BatchBegin{.step = step, .epoch = epoch_of(step)});
    weight = static_cast<double>(step);
    rates.push_back(learning_rate);
    loop.publish(Metric{.step = step, .value = loss(step), .metric = intern("batch/loss"), .epoch = epoch_of(step)},
                 BatchEnd{.step = step,
                          .loss = loss(step),
                          .learning_rate = learning_rate,
                          .accuracy = 0.5F,
                          .epoch = epoch_of(step),
                          .batch = static_cast<std::int32_t>((step - 1) % steps_per_epoch + 1),
                          .samples = 10});
    if (step == interrupt_at) loop.interrupt("SIGINT");
    loop.boundary();
    if (step % steps_per_epoch == 0 && loop.interrupted().empty()) end_epoch();
  }
  last_step = step;
  if (step % steps_per_epoch != 0)
    loop.publish(EpochEnd{.step = step, .seconds = 0.1, .samples = 10, .epoch = epoch_of(step), .partial = true});
  loop.end();
  if (test_at_end) loop.publish(TestEnd{.step = step, .loss = 0.25, .accuracy = 0.75, .samples = 100});
  loop.finish();
  decisions.assign(loop.decisions().begin(), loop.decisions().end());
  warnings.assign(loop.warnings().begin(), loop.warnings().end());
  for (const std::string& each : loop.checkpoint_errors()) failures.push_back("checkpoint: " + each);
  if (at_end) at_end(bus);
  bus.close();
  for (const Handle& pipeline : bus.subscriptions())
    if (pipeline->failed()) failures.push_back(pipeline->name() + ": " + pipeline->error());
}

std::string FakeRun::table() const {
  std::string text;
  for (const AppliedRow& row : decisions)
    text += fmt::format("{} {} {}->{}\n", row.decision, row.by, row.cause_step.value_or(-1), row.applied_step);
  return text;
}

std::string without_wall_times(const std::string& json_lines) {
  std::istringstream lines(json_lines);
  std::string result;
  for (std::string line; std::getline(lines, line);) {
    auto row = nlohmann::ordered_json::parse(line);
    for (const char* field : {"wall_time", "seconds", "samples_per_second", "waited_ns", "bytes_released"})
      row.erase(field);
    result += row.dump() + "\n";
  }
  return result;
}

std::string without_wall_columns(const std::string& csv) {
  std::istringstream lines(csv);
  std::string result;
  for (std::string line; std::getline(lines, line);) {
    for (int i = 0; i < 3; ++i) line.resize(line.rfind(','));
    result += line + "\n";
  }
  return result;
}

}  // namespace sidestep::test
