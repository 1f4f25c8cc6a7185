// The end of a run: the last checkpoint, FitEnd and its boundary, drain, seal.
#include <sidestep/trainer/control/loop_inside.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace sidestep::detail {
namespace {

/// Of owner/name/hash. A pipeline is named as its owner is, perhaps with a number (model_checkpoint#2); any of these
/// names may hold a '/'.
std::string_view name_in_key(std::string_view key) {
  key = key.substr(0, key.rfind('/'));
  for (std::size_t at = key.find('/'); at != std::string_view::npos; at = key.find('/', at + 1)) {
    const std::string_view owner = key.substr(0, at), name = key.substr(at + 1);
    if (name == owner || (name.starts_with(owner) && name[owner.size()] == '#')) return name;
  }
  return key;
}

}  // namespace

void LoopInside::cut_before_end() {
  if (!begun) begin();
  check_all_in("the end of an epoch");
  if (!options.snapshot || options.last.empty() || loop.place_.segment == sidestep::Segment::fit) return;
  // the second: nothing has been trained in this process
  if (last_cut_at_ == boundaries() || boundaries() == 0) return;
  open_cut({{options.last, std::nullopt, true}});
}

void LoopInside::end() {
  if (ended) return;
  if (!begun) begin();
  if (loop.place_.open != Loop::Open::no) boundary();
  check_all_in("the end of the run");
  if (sync.relaxed()) watch.set_eager(true);  // this boundary waits in every mode
  ended = true;
  if (loop.place_.segment != sidestep::Segment::fit)
    loop.publish(FitEnd{.step = loop.place_.step, .epoch = loop.place_.epoch, .stopped = loop.stopped_});
  if (!interrupted_by.empty()) return settle_next();
  const Loop::Place& place = loop.place_;
  remember(place.number, place.step, sidestep::Segment::fit);
  watch.wait(place.number);
  take();
  settle_next();
  for (const Taken& one : pending.take(
           [](const Taken& request) { return request.restored == 0 && request.segment >= sidestep::Segment::fit; })) {
    const DecisionInfo* const info = find_decision(one.decision.kind());
    if (one.cause == place.number && info != nullptr && info->at_fit_end && !came_too_late(one)) apply(one);
  }
  seal();
}

/// Whether it brings back weights whose KeepWeights is due behind the run's last step, so that nobody can have kept
/// them. That is how lag(k) is, and no fault: the run ends with weights that are younger by what is left of k.
bool LoopInside::came_too_late(const Taken& one) {
  const auto* const restore = one.decision.get_if<RestoreBest>();
  if (restore == nullptr) return false;
  bool waits = false;
  pending.each([&](const Taken& other) {
    const auto* const keep = other.decision.get_if<KeepWeights>();
    waits |= keep != nullptr && keep->owner.view() == restore->owner.view() && other.cause_step == restore->cause_step;
  });
  if (waits)
    warnings.push_back(
        fmt::format("{}: its best was at step {}, and the run ended before a copy of its weights was made. None is "
                    "restored: the run ends with the weights of step {}.",
                    restore->owner.view(), restore->cause_step, loop.place_.step));
  return waits;
}

void LoopInside::finish() {
  if (finished) return;
  end();
  drain();
  if (const auto [anew, missing] = book->restored(); from) {
    for (const std::string& key : anew)
      warnings.push_back(
          fmt::format("pipeline '{}' began anew: the checkpoint has no state for it.", name_in_key(key)));
    for (const std::string& key : missing)
      warnings.push_back(
          fmt::format("the checkpoint's state of '{}' was dropped: this run has no such pipeline.", name_in_key(key)));
  }
  // A run that was interrupted isn't over: what has not come yet may come.
  if (interrupted_by.empty())
    for (std::string& sentence : notes->sentences()) warnings.push_back(std::move(sentence));
}

void LoopInside::drain() {
  if (finished) return;
  finished = true;
  watch.set_eager(true);
  ended = true;
  // Broken off while a device was at work: what it never finished has no Barrier, and no checkpoint.
  std::erase_if(unsealed_, [](const auto& cut) { return !cut->out(); });
  later_.clear();
  // Words that stand still because no event came since they were told to show themselves move with this one.
  if (!unsealed_.empty()) watch.wait(unsealed_.back()->barrier);
  if (!BusThread::current()) bus.flush();
  watch.look();
  take();
  fail_silent();
  seal();
  book->give_up();
  book->close();
  writer.join();
  if (!BusThread::current()) bus.flush();  // CheckpointSaved
  tell_deaf();
  loop.producer_.hold(false);  // whoever closes the bus need wait no longer
}

/// In this process, or in one before.
bool LoopInside::decided(const Asker& asker) const {
  return asker.heard ||
         (from && std::any_of(from->pipelines.begin(), from->pipelines.end(), [&](const PipelineState& before) {
            return before.key == asker.key && before.requests > 0;
          }));
}

/// One that hasn't seen what it decides on, because others than the loop published it, would leave its user wondering.
/// Who has seen nothing at all has failed; who has seen something may well have had no reason to decide. (Callbacks
/// miss their metric by themselves.)
void LoopInside::tell_deaf() {
  constexpr std::string_view mend =
      "What decides sees the training loop's events alone: publish them with loop.publish(...) on the loop's thread, "
      "or a metric with "
      "control.inject(...) from any.";
  for (const auto& asker : core->askers()) {
    Subscription& pipeline = asker->subscription;
    if (pipeline.passed_by() == 0 || pipeline.failed()) continue;
    const std::string kinds = fmt::format("{}", fmt::join(pipeline.passed_by_kinds(), ", "));
    if (pipeline.published() == 0)
      pipeline.fail(fmt::format("it decided on nothing: others published what it listens to ({}). {}", kinds, mend),
                    last_number());
    else if (!decided(*asker) && std::none_of(of_callbacks.begin(), of_callbacks.end(),
                                              [&](const Handle& one) { return one.get() == &pipeline; }))
      warnings.push_back(fmt::format("Pipeline {} decided nothing, and {} events of its types passed it by ({}). {}",
                                     called(pipeline), pipeline.passed_by(), kinds, mend));
  }
}

}  // namespace sidestep::detail
