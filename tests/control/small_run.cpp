#include "small_run.hpp"

#include <cstring>
#include <deque>

namespace sidestep::test {

void SmallRun::go() {
  Bus bus(bus_options);
  Control control;
  if (pipelines) pipelines(bus, control);
  run(bus, control);
  account = bus.account();
}

void SmallRun::run(Bus& bus, Control& control) {
  if (options.folder.empty())
    options.snapshot = nullptr;
  else
    options.snapshot = [this](const Cut&) {
      return [this, w = weight, lr = learning_rate, k = kept](const auto& path, const CheckpointState& state) {
        if (while_writing) while_writing(path);
        std::ofstream out(path, std::ios::binary);
        const double numbers[] = {w, lr, k};
        out.write(reinterpret_cast<const char*>(numbers), sizeof numbers);
        out << state.to_text();
      };
    };
  auto loop = control.attach(bus, options);
  handlers(loop);
  std::deque<BatchEnd> begun;  // steps whose records haven't come
  const auto come_in = [&](std::size_t left) {
    for (; begun.size() > left; begun.pop_front())
      loop.publish(Metric{.step = begun.front().step, .value = begun.front().loss, .metric = intern("batch/loss")},
                   begun.front());
  };
  if (validates)
    loop.on<Validate>([&](const Validate&) {
      come_in(0);
      loop.publish(ValidationBegin{.step = loop.step()});
      loop.publish(Metric{.step = loop.step(), .value = 1 / weight, .metric = intern("val/loss")},
                   ValidationEnd{.step = loop.step(), .loss = 1 / weight, .epoch = epoch_of(loop.step())});
    });
  if (prepare) prepare(loop);
  if (!resume.empty()) load(loop);
  loop.publish(FitBegin{.step = loop.step(), .last_step = steps});
  Step step = loop.step();
  // At an epoch's last batch: the cut may lie before the epoch's end, then that comes first.
  if (loop.resumed() && loop.resumed_from()->segment == Segment::batch && step % steps_per_epoch == 0)
    end_epoch(loop, step);
  while (step < steps && !loop.stopped()) {
    ++step;
    const double loss = 1.0 / weight;
    weight += learning_rate * loss;
    if (before) before(loop, step);
    begun.push_back({.step = step, .loss = loss, .learning_rate = learning_rate, .epoch = epoch_of(step)});
    come_in(device ? device(step) : 0);
    if (begun.empty())
      loop.boundary();
    else
      loop.boundary({.step = step, .epoch = epoch_of(step), .learning_rate = learning_rate});
    if (between) between(loop, step);
    if (step % steps_per_epoch == 0 && loop.interrupted().empty()) come_in(0), end_epoch(loop, step);
  }
  come_in(0);
  stopped_at = loop.stopped() ? step : 0;
  if (step % steps_per_epoch != 0) loop.publish(EpochEnd{.step = step, .epoch = epoch_of(step), .partial = true});
  loop.finish();
  decisions.assign(loop.decisions().begin(), loop.decisions().end());
  pending = loop.pending();
  refused.assign(loop.refused().begin(), loop.refused().end());
  broken.assign(loop.broken().begin(), loop.broken().end());
  warnings.assign(loop.warnings().begin(), loop.warnings().end());
  checkpoints_failed = loop.checkpoints_failed();
  checkpoint_errors = loop.checkpoint_errors();
}

std::string SmallRun::table() const {
  std::ostringstream text;
  for (const AppliedRow& row : decisions)
    text << row.decision << ' ' << row.by << ' ' << (row.cause_step ? *row.cause_step : -1) << "->" << row.applied_step
         << ' ' << row.value << '\n';
  return text.str();
}

void SmallRun::end_epoch(Loop& loop, Step step) {
  loop.publish(Metric{.step = step, .value = 1 / weight, .metric = intern("val/loss"), .epoch = epoch_of(step)},
               EpochEnd{.step = step, .epoch = epoch_of(step)});
  loop.boundary();
}
void SmallRun::handlers(Loop& loop) {
  loop.on<ScaleLearningRate>([this](const ScaleLearningRate& d) { return Outcome{{}, learning_rate *= d.by, {}}; });
  loop.on<SetLearningRate>([this](const SetLearningRate& d) { learning_rate = d.learning_rate; });
  loop.on<KeepWeights>([this](const KeepWeights&) { kept = weight; });
  loop.on<RestoreBest>([this](const RestoreBest&) { weight = kept; });
  loop.on<Noted>([this](const Noted& d) { weight += 0.001 * static_cast<double>(d.who); });
}
void SmallRun::load(Loop& loop) {
  const std::string text = read_file(resume);
  double numbers[3];
  ASSERT_GT(text.size(), sizeof numbers);
  std::memcpy(numbers, text.data(), sizeof numbers);
  weight = numbers[0], learning_rate = numbers[1], kept = numbers[2];
  loop.resume(CheckpointState::from_text(text.substr(sizeof numbers), resume.string()), resume.filename().string());
}

}  // namespace sidestep::test
