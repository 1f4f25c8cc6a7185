// A boundary: wait, take, apply, validate, cut.
#include <sidestep/bus/test_point.hpp>
#include <sidestep/trainer/control/loop_inside.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace sidestep::detail {
namespace {

/// True while it lives.
struct While {
  bool& flag;
  explicit While(bool& flag) : flag(flag) { flag = true; }
  ~While() { flag = false; }
};

bool plain_file_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

}  // namespace

void LoopInside::boundary() {
  if (in_boundary_) return;  // a Validate's handler: its boundary is run when the handler has returned
  if (hot.list.sampled()) [[unlikely]] {
    follow_pace();
    const Nanoseconds begin = Clock::steady();
    run();
    boundary_ns.record(Clock::steady() - begin - timer_ns);
  } else {
    run();
  }
}

/// What callbacks hand the loop once, before the first step. A resumed run has it from the checkpoint.
void LoopInside::behind_fit_begin(const FitBegin& begin) {
  if (begin.resumed) return;
  for (const auto& [by, ask] : at_begin) {
    const Decisions asked = ask(begin);
    for (const Decision& decision : asked.all()) apply({.decision = decision, .by = by, .cause_step = 0});
  }
}

void LoopInside::run() {
  Loop::Place& place = loop.place_;
  if (place.open == Loop::Open::no) [[unlikely]]
    no_boundary_here();
  place.open = Loop::Open::no;
  if (behind_ != 0) [[unlikely]]
    check_all_in("this boundary");
  remember(place.number, place.step, place.segment);
  Sequence need = place.number;  // behind an epoch and a validation: everything
  if (place.segment == sidestep::Segment::batch) {
    if (place.step != hot.last_step + 1) [[unlikely]]
      out_of_step(place.step);
    hot.last_step = place.step;
    if (!relaxed_) {
      at_ = at_ + 1 == recent_.size() ? 0 : at_ + 1;
      recent_[at_] = place.number;
      need = recent_[at_ + 1 == recent_.size() ? 0 : at_ + 1];  // BatchEnd(b - k), if this process has published it
    }
  }
  const bool waiting = !relaxed_ && watch.pass(need);
  if (waiting || waits_ || core->first.bell.rung()) [[unlikely]]
    busy();
}

void LoopInside::no_boundary_here() const {
  throw ControlError(
      "boundary() was called where no BatchEnd, EpochEnd or ValidationEnd was published since the last one.");
}
void LoopInside::out_of_step(Step step) const {
  throw ControlError(
      fmt::format("step {} came where step {} was due: steps count by one, and boundary() follows each BatchEnd.", step,
                  hot.last_step - behind_ + 1));
}
void LoopInside::check_all_in(std::string_view before) const {
  if (behind_ != 0)
    throw ControlError(fmt::format("{} came before BatchEnd of step {}: publish all steps that were begun first.",
                                   before, hot.last_step - behind_ + 1));
}

void LoopInside::boundary(const Loop::Ahead& at) {
  if (in_boundary_) return;
  Loop::Place& place = loop.place_;
  if (place.open != Loop::Open::no || at.step != hot.last_step + 1) out_of_step(at.step);
  if (!relaxed_ && behind_ >= sync.k)
    throw ControlError(
        fmt::format("the boundary of step {} came before BatchEnd of step {}: under {} a device runs no further ahead.",
                    at.step, at.step - sync.k, sync.text()));
  if (at.step % static_cast<Step>(BoundaryList::stretch) == 0) follow_pace();
  hot.last_step = at.step;
  ++behind_;
  hot.quick = false;
  place = {last_number(), at.step, at.epoch, at.batch, sidestep::Segment::batch, Loop::Open::no, at.learning_rate};
  // Of the last k + 1 BatchEnds that are out, the one that this boundary needs.
  const std::size_t back = static_cast<std::size_t>(sync.k - behind_);
  const bool waiting = !relaxed_ && watch.pass(recent_[(at_ + recent_.size() - back) % recent_.size()]);
  if (waiting || waits_ || core->first.bell.rung()) busy();
}

void LoopInside::late(Step step) {
  if (step != hot.last_step - behind_ + 1) out_of_step(step);
  --behind_;
  const Sequence number = last_number();
  remember(number, step, sidestep::Segment::batch);
  at_ = at_ + 1 == recent_.size() ? 0 : at_ + 1;
  recent_[at_] = number;
  if (behind_ == 0) loop.place_.number = number;
  while (!later_.empty() && later_.front().first == step) {
    const auto publish = std::move(later_.front().second);
    later_.pop_front();
    publish();
  }
  set_quick();
}

void LoopInside::busy() {
  const While inside(in_boundary_);
  hot.quick = false;
  waits_ = true;  // until this one is through: if a handler throws, the next boundary looks again
  stop_ = false;
  asked_ |= core->first.bell.clear();
  if (relaxed_) watch.look();
  take();
  settle_next();
  apply_due();
  if (asked_) {
    outside_requests();
    publish_injected();
    fail_silent();
    admit_joining();
    asked_ = false;
  }
  validations();
  seal();
  const char* const by = core->interrupted.load(std::memory_order_relaxed);  // relaxed: alarm() has released it
  const bool interrupted = by != nullptr && interrupted_by.empty();
  std::vector<SavedName> names = saves_;
  if (interrupted && options.snapshot && !options.last.empty()) names.push_back({options.last, std::nullopt, true});
  if (!names.empty()) open_cut(names);
  saves_.clear();
  if (interrupted) {
    interrupted_by = by;
    stop_ = true;
  }
  if (stop_) loop.stopped_ = true;
  waits_ = !pending.empty() || !unsealed_.empty();
  set_quick();
}

void LoopInside::take() {
  watch.take([&](Request&& request) {
    Asker& asker = core->asker(request.asker);
    asker.heard = true;
    Taken taken{.decision = request.decision,
                .cause = request.cause,
                .rank = rank_of(asker.key, asker.subscription.registration()),
                .count = request.count,
                .pipeline = asker.key,
                .by = asker.by};
    const bool settled = settle(taken);
    if (!settled) {
      taken.cause_step = loop.place_.step;
      taken.segment = sidestep::Segment::next;
    }
    // A cut's list gets its copy at the taking, whatever is applied meanwhile.
    for (const auto& cut : unsealed_) {
      if (taken.cause > cut->barrier) continue;
      cut->pending.push_back(taken);
      if (!cut->out() || taken.cause <= cut->boundary) continue;  // not out: see settle_copies()
      // Caused by what the boundary itself published: it belongs to a segment that a resumed run has yet to end.
      Taken& copy = cut->pending.back();
      copy.cause_step = cut->cut.step;
      copy.segment = sidestep::Segment::next;
      copy.due_step.reset();
    }
    if (!settled) {
      if (ended) return;  // no boundary comes behind it in this run
      // Its cause was published behind the last event of the segment, and its decider was quick: the next boundary's.
      next_waits_ = true;
    }
    pending.add(std::move(taken));
  });
}

/// Which segment a request belongs to whose cause's had not ended when it was taken: false if it still hasn't.
bool LoopInside::settle(Taken& one) const {
  const auto segment = hot.list.of(one.cause);
  if (!segment) return false;
  one.cause_step = segment->step();
  one.segment = segment->segment();
  one.segment_end = segment->number;
  if (!sync.relaxed() && one.segment == sidestep::Segment::batch) one.due_step = segment->step() + sync.k;
  return true;
}

/// Of a cut whose Barrier isn't out: what was taken before the segment of its cause had ended.
void LoopInside::settle_copies(OpenCut& cut) const {
  for (Taken& one : cut.pending)
    if (one.segment == sidestep::Segment::next) settle(one);
}

/// What was left to the segment behind a boundary, by a checkpoint or by take().
void LoopInside::settle_next() {
  if (!next_waits_) return;
  next_waits_ = false;
  pending.each([&](Taken& one) {
    if (one.segment == sidestep::Segment::next && !settle(one)) next_waits_ = true;
  });
}

void LoopInside::apply_due() {
  const Loop::Place& place = loop.place_;
  const std::vector<Taken> due = pending.take([&](const Taken& request) {
    if (request.segment == sidestep::Segment::next) return false;
    if (sync.relaxed() && request.restored == 0) return true;
    if (request.segment == sidestep::Segment::batch || request.restored != 0)
      return !request.due_step || (place.segment == sidestep::Segment::batch && *request.due_step <= place.step);
    return request.segment_end <= place.number;
  });
  std::size_t done = 0;
  try {
    while (done < due.size()) apply(due[done++]);
  } catch (...) {  // a handler's: the others' decisions are the next boundary's
    for (; done < due.size(); ++done) pending.add(due[done]);
    throw;
  }
}

void LoopInside::apply(const Taken& one) {
  if (one.decision.get_if<Stop>() != nullptr) {
    stop_ = true;  // ends the loop when the whole boundary has been applied
    return applied(one, {});
  }
  if (one.decision.get_if<SaveCheckpoint>() != nullptr) {
    if (save(one)) applied(one, {});
    return;
  }
  const auto handler = handlers.find(one.decision.kind().id);
  if (handler == handlers.end()) {
    not_carried_out(one,
                    "this loop has no handler for it. Say what it does before the run begins: trainer.on<D>(f), or "
                    "loop.on<D>(f) where "
                    "the loop is your own.");
    return refuse(one, "this loop has no handler for it");
  }
  if (one.decision.get_if<Validate>() != nullptr) {
    validates_.push_back(one);
    return applied(one, {});
  }
  const Outcome outcome = handler->second(one.decision, {one.cause_step, one.segment, loop.place_.step, one.by});
  if (outcome.refused.empty())
    applied(one, outcome);
  else
    refuse(one, outcome.refused);
}

void LoopInside::applied(const Taken& one, const Outcome& outcome) {
  double& learning_rate = loop.place_.learning_rate;
  if (outcome.learning_rate)
    learning_rate = *outcome.learning_rate;
  else if (const auto* const set = one.decision.get_if<SetLearningRate>())
    learning_rate = set->learning_rate;
  const Step step = loop.place_.step;
  const double value = outcome.value.value_or(one.decision.value());
  const auto* const saved = one.decision.get_if<SaveCheckpoint>();
  decisions.push_back({.decision = std::string(one.decision.name()),
                       .by = one.by,
                       .reason = std::string(one.decision.reason()),
                       .cause_step = one.cause_step,
                       .applied_step = step,
                       .value = value,
                       .learning_rate = learning_rate,
                       .file = saved != nullptr ? std::string(saved->file.view()) : std::string()});
  const DecisionApplied event{.cause_step = one.cause_step.value_or(-1),
                              .applied_step = step,
                              .value = value,
                              .learning_rate = learning_rate,
                              .decision = one.decision.kind(),
                              .by = intern(one.by)};
  say([this, event] { loop.producer_.publish(event); });
}

/// A refusal that no value and no moment could have spared: it would be refused each time, and its user is told once.
void LoopInside::not_carried_out(const Taken& one, std::string_view why) {
  std::string sentence =
      fmt::format("{} asked for '{}', which was never carried out: {}", asker_called(one.by), one.decision.name(), why);
  if (std::find(unanswered.begin(), unanswered.end(), sentence) == unanswered.end())
    unanswered.push_back(std::move(sentence));
}

void LoopInside::refuse(const Taken& one, std::string why) {
  const DecisionRefused event{.cause_step = one.cause_step.value_or(-1),
                              .step = loop.place_.step,
                              .decision = one.decision.kind(),
                              .by = intern(one.by),
                              .why = intern(why)};
  say([this, event] { loop.producer_.publish(event); });
  refused.push_back({.decision = std::string(one.decision.name()),
                     .by = one.by,
                     .why = std::move(why),
                     .cause_step = one.cause_step,
                     .step = loop.place_.step});
}

bool LoopInside::save(const Taken& one) {
  const SaveCheckpoint& wanted = *one.decision.get_if<SaveCheckpoint>();
  if (!options.snapshot) {
    not_carried_out(one, "this loop has no snapshot to save. Give it one: control.attach(bus, {.snapshot = ...}).");
    return refuse(one, "this loop has no snapshot to save"), false;
  }
  if (!plain_file_name(wanted.file))
    return refuse(one, fmt::format("'{}' is no plain file name", wanted.file.view())), false;
  for (const ShortText& gone : wanted.supersedes)
    if (!gone.empty() && plain_file_name(gone)) superseded_.emplace_back(gone.view(), wanted.file.view());
  saves_.push_back(
      {std::string(wanted.file.view()), one.cause_step, wanted.last || wanted.file.view() == options.last});
  return true;
}

void LoopInside::outside_requests() {
  test_point(Point::mailbox, this);
  ControlCore::Outside request;
  while (core->outside.try_dequeue(request)) {
    note_broken(request.by, fmt::format("asked for '{}' from outside the stream", request.decision.name()));
    apply({.decision = request.decision, .by = request.by});
  }
}

void LoopInside::publish_injected() {
  test_point(Point::mailbox, this);
  Metric metric;
  while (core->injected.try_dequeue(metric)) {
    note_broken("inject", fmt::format("foreign metric {}", metric.metric.text()));
    say([this, metric] { loop.producer_.publish(metric); });
  }
}

/// Each runs behind the boundary that it was applied at, and ends in a boundary of its own, which may ask for more.
void LoopInside::validations() {
  while (!validates_.empty()) {
    const Taken one = validates_.front();
    validates_.clear();  // several at one boundary are one validation
    handlers.at(one.decision.kind().id)(one.decision, {one.cause_step, one.segment, loop.place_.step, one.by});
    Loop::Place& place = loop.place_;
    if (place.open == Loop::Open::no || place.segment != sidestep::Segment::validation) continue;
    check_all_in("a validation");
    place.open = Loop::Open::no;
    remember(place.number, place.step, place.segment);
    if (sync.relaxed())
      watch.look();
    else
      watch.pass(place.number);
    take();
    settle_next();
    apply_due();
  }
}

/// Who hasn't handed over his state in time.
void LoopInside::fail_silent() {
  for (const Handle& pipeline : book->take_silent()) {
    const std::string why = "it has not handed over its state for a checkpoint within the deadline";
    note_broken(pipeline->owner(), why);
    if (DeciderEntry* const entry = watch.entry_of(*pipeline))
      watch.fail(*entry, why);
    else
      pipeline->fail(why + "; training goes on without it.", last_number());
  }
}

void LoopInside::seal() {
  // In relaxed mode nobody waits for one that has failed and stands still; its word would keep every cut open.
  if (sync.relaxed() && !unsealed_.empty() && unsealed_.front()->out() &&
      Clock::steady() - unsealed_.front()->begun >
          std::min<Nanoseconds>(options.decision_deadline.count(), 1'000'000'000))
    watch.fail_the_failed(unsealed_.front()->barrier);
  take();  // a wait for room in the ring, or a failing, may have read further in the words
  std::erase_if(unsealed_, [&](const std::shared_ptr<OpenCut>& cut) {
    if (!cut->out() || !watch.all_passed(cut->barrier)) return false;
    book->seal(*cut);
    return true;
  });
  if (sync.relaxed() && unsealed_.empty() && !ended) watch.set_eager(false);
}

void LoopInside::open_cut(const std::vector<SavedName>& names) {
  const Loop::Place& place = loop.place_;
  auto cut = std::make_shared<OpenCut>();
  // Each name once, those of a `last` behind all others.
  for (const bool last : {false, true})
    for (const SavedName& name : names) {
      const auto same = [&](const SavedName& other) { return other.file == name.file; };
      if (name.last == last && std::none_of(cut->names.begin(), cut->names.end(), same)) cut->names.push_back(name);
    }
  for (const SavedName& name : cut->names) cut->cut.files.push_back(name.file);
  cut->cut.number = cuts_ + 1;
  cut->cut.step = place.step;
  cut->cut.epoch = place.epoch;
  cut->cut.batch = place.batch;
  cut->cut.segment = place.segment;
  cut->writer = options.snapshot(cut->cut);
  // From here on nothing throws that a user wrote.
  ++cuts_;
  for (const SavedName& name : cut->names) {
    std::erase_if(carried_, [&](const auto& gone) { return gone.first == name.file; });
    std::erase_if(superseded_, [&](const auto& gone) { return gone.first == name.file; });
  }
  carried_.insert(carried_.end(), superseded_.begin(), superseded_.end());
  superseded_.clear();
  const bool last = cut->names.back().last;
  if (last) last_cut_at_ = boundaries();
  cut->begun = Clock::steady();
  cut->pending = pending.sorted();
  cut->state = {.step = place.step,
                .epoch = place.epoch,
                .batch = place.batch,
                .segment = place.segment,
                .sync = sync,
                .learning_rate = place.learning_rate,
                .pending = {},
                .pipelines = {},
                .decisions = decisions,
                .refused = refused,
                .broken = broken,
                .superseded = carried_,
                .last = last};
  if (last) carried_.clear();
  unsealed_.push_back(cut);
  waits_ = true;
  hot.quick = false;
  say([this, cut] { publish_barrier(cut); });
}

/// Directly behind the events of its boundary.
void LoopInside::publish_barrier(const std::shared_ptr<OpenCut>& cut) {
  settle_copies(*cut);
  cut->boundary = hot.list.last();
  for (const Handle& pipeline : bus.subscriptions()) {
    const auto life = pipeline->life();
    if (!pipeline->options().saved || life == Subscription::Life::ended) continue;
    OpenCut::Expected one;
    one.pipeline = pipeline;
    one.rank = rank_of(pipeline->key(), pipeline->registration());
    one.parts.resize(pipeline->parts());
    cut->expected.push_back(std::move(one));
  }
  std::sort(cut->expected.begin(), cut->expected.end(), [](const auto& a, const auto& b) { return a.rank < b.rank; });
  book->open(cut);
  writer.start();
  if (sync.relaxed()) watch.set_eager(true);  // or their words would pass the Barrier only with the next request
  loop.producer_.publish(Barrier{.step = cut->cut.step, .cut = cut->cut.number});
  cut->barrier = last_number();
  book->publish_done(*cut);
}

/// The list of boundaries is full: forgets what every word has passed. Behind push(): the words may cover this boundary
/// already, and what they cover must find it.
void LoopInside::make_room() {
  watch.look();
  take();
  settle_next();
  for (const auto& cut : unsealed_)
    if (!cut->out()) settle_copies(*cut);
  waits_ |= !pending.empty();  // taken here, so run() finds nothing waiting in the mailbox
  set_quick();
  hot.list.forget(watch.passed(last_number()));
  if (hot.list.full()) {
    hot.list.grow();
    if (sync.relaxed()) watch.set_eager(true);  // some word moves with requests only; let it show how far it is
  }
}

/// An idle dispatcher naps no longer than half of the k steps that it has.
void LoopInside::follow_pace() {
  const Nanoseconds now = Clock::steady();
  const Nanoseconds step = paced_ == 0 ? 0 : (now - paced_) / 64;
  paced_ = now;
  if (sync.relaxed() || sync.k == 0 || step <= 0) return;
  const Nanoseconds nap = std::clamp<Nanoseconds>(step * sync.k / 2, 20'000,
                                                  std::max<Nanoseconds>(bus.options().longest_nap.count(), 20'000));
  bus.longest_nap(std::chrono::nanoseconds(nap));
}

}  // namespace sidestep::detail

namespace sidestep {

void Loop::any_boundary() { inside_->boundary(); }  // here, so that the one is part of the other
void Loop::boundary(const Ahead& at) { inside_->boundary(at); }
void Loop::late(Step step) { inside_->late(step); }
void Loop::say_behind(std::function<void()> publish) { inside_->say(std::move(publish)); }
void Loop::rung() { inside_->busy(); }

}  // namespace sidestep
