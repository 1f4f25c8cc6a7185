// A boundary: wait, take, apply, validate, cut.
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
  remember(place.segment);
  Sequence need = place.number;  // behind an epoch and a validation: everything
  if (place.segment == sidestep::Segment::batch) {
    if (place.step != ++hot.last_step) [[unlikely]]
      out_of_step();
    if (!relaxed_) {
      at_ = at_ + 1 == recent_.size() ? 0 : at_ + 1;
      recent_[at_] = place.number;
      need = recent_[at_ + 1 == recent_.size() ? 0 : at_ + 1];  // BatchEnd(b - k), if this process has published it
    }
  }
  const bool waiting = !relaxed_ && watch.pass(need);
  // acquire: pairs with ControlCore::alarm and with Decider::ring
  if (waiting || waits_ || core->attention.load(std::memory_order_acquire)) [[unlikely]]
    busy();
}

void LoopInside::no_boundary_here() const {
  throw ControlError(
      "boundary() was called where no BatchEnd, EpochEnd or ValidationEnd was published since the last one.");
}
void LoopInside::out_of_step() const {
  throw ControlError(
      fmt::format("BatchEnd of step {} follows step {}: steps count by one.", loop.place_.step, hot.last_step - 1));
}

void LoopInside::busy() {
  const While inside(in_boundary_);
  hot.quick = false;
  stop_ = false;
  // acquire: pairs with alarm() and ring(); cleared first, so that what comes during this boundary rings again
  const bool asked = core->attention.exchange(false, std::memory_order_acquire);
  if (relaxed_) watch.look();
  take();
  settle_next();
  apply_due();
  if (asked) {
    outside_requests();
    publish_injected();
    fail_silent();
  }
  validations();
  seal();
  const char* const by = core->interrupted.load(std::memory_order_relaxed);  // relaxed: alarm() has released it
  if (by != nullptr && interrupted_by.empty()) {
    interrupted_by = by;
    stop_ = true;
    if (options.snapshot && !options.last.empty()) saves_.push_back({options.last, std::nullopt, true});
  }
  if (!saves_.empty()) open_cut(std::exchange(saves_, {}));
  if (stop_) loop.stopped_ = true;
  waits_ = !pending.empty() || !unsealed_.empty();
  hot.quick = relaxed_ && !waits_;
}

void LoopInside::take() {
  watch.take([&](Request&& request) {
    const Asker& asker = core->asker(request.asker);
    Taken taken{.decision = request.decision,
                .cause = request.cause,
                .rank = rank_of(asker.key, asker.subscription.registration()),
                .count = request.count,
                .pipeline = asker.key,
                .by = asker.by};
    const auto segment = hot.list.of(request.cause);
    if (segment) {
      taken.cause_step = segment->step();
      taken.segment = segment->segment();
      taken.segment_end = segment->number;
      if (!sync.relaxed() && taken.segment == sidestep::Segment::batch) taken.due_step = segment->step() + sync.k;
    }
    // A cut's list gets its copy at the taking, whatever is applied meanwhile.
    for (const auto& cut : unsealed_) {
      if (taken.cause > cut->barrier) continue;
      cut->pending.push_back(taken);
      if (taken.cause <= cut->boundary) continue;
      // Caused by what the boundary itself published: it belongs to a segment that a resumed run has yet to end.
      Taken& copy = cut->pending.back();
      copy.cause_step = cut->cut.step;
      copy.segment = sidestep::Segment::next;
      copy.due_step.reset();
    }
    if (!segment) {
      if (ended) return;  // no boundary comes behind it in this run
      // Its cause was published behind the last event of the segment, and its decider was quick: the next boundary's.
      taken.cause_step = loop.place_.step;
      taken.segment = sidestep::Segment::next;
      next_waits_ = true;
    }
    pending.add(std::move(taken));
  });
}

/// What was left to the segment behind a boundary, by a checkpoint or by take(): that one ends here.
void LoopInside::settle_next() {
  if (!next_waits_) return;
  next_waits_ = false;
  const Loop::Place& place = loop.place_;
  pending.each([&](Taken& one) {
    if (one.segment != sidestep::Segment::next) return;
    if (one.cause > place.number) {  // not yet
      next_waits_ = true;
      return;
    }
    one.cause_step = place.step;
    one.segment = place.segment;
    one.segment_end = place.number;
    if (!sync.relaxed() && place.segment == sidestep::Segment::batch) one.due_step = place.step + sync.k;
  });
}

void LoopInside::apply_due() {
  const Loop::Place& place = loop.place_;
  for (const Taken& one : pending.take([&](const Taken& request) {
         if (request.segment == sidestep::Segment::next) return false;
         if (sync.relaxed() && request.restored == 0) return true;
         if (request.segment == sidestep::Segment::batch || request.restored != 0)
           return !request.due_step || (place.segment == sidestep::Segment::batch && *request.due_step <= place.step);
         return request.segment_end <= place.number;
       }))
    apply(one);
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
  if (handler == handlers.end()) return refuse(one, "this loop has no handler for it");
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
  decisions.push_back({.decision = std::string(one.decision.name()),
                       .by = one.by,
                       .reason = std::string(one.decision.reason()),
                       .cause_step = one.cause_step,
                       .applied_step = step,
                       .value = value,
                       .learning_rate = learning_rate});
  loop.producer_.publish(DecisionApplied{.cause_step = one.cause_step.value_or(-1),
                                         .applied_step = step,
                                         .value = value,
                                         .learning_rate = learning_rate,
                                         .decision = one.decision.kind(),
                                         .by = intern(one.by)});
}

void LoopInside::refuse(const Taken& one, std::string why) {
  loop.producer_.publish(DecisionRefused{.cause_step = one.cause_step.value_or(-1),
                                         .step = loop.place_.step,
                                         .decision = one.decision.kind(),
                                         .by = intern(one.by),
                                         .why = intern(why)});
  refused.push_back({.decision = std::string(one.decision.name()),
                     .by = one.by,
                     .why = std::move(why),
                     .cause_step = one.cause_step,
                     .step = loop.place_.step});
}

bool LoopInside::save(const Taken& one) {
  const SaveCheckpoint& wanted = *one.decision.get_if<SaveCheckpoint>();
  if (!options.snapshot) return refuse(one, "this loop has no snapshot to save"), false;
  if (!plain_file_name(wanted.file))
    return refuse(one, fmt::format("'{}' is no plain file name", wanted.file.view())), false;
  for (const ShortText& gone : wanted.supersedes)
    if (!gone.empty() && plain_file_name(gone)) superseded_.emplace_back(gone.view(), wanted.file.view());
  saves_.push_back(
      {std::string(wanted.file.view()), one.cause_step, wanted.last || wanted.file.view() == options.last});
  return true;
}

void LoopInside::outside_requests() {
  ControlCore::Outside request;
  while (core->outside.try_dequeue(request)) {
    note_broken(request.by, fmt::format("asked for '{}' from outside the stream", request.decision.name()));
    apply({.decision = request.decision, .by = request.by});
  }
}

void LoopInside::publish_injected() {
  Metric metric;
  while (core->injected.try_dequeue(metric)) {
    note_broken("inject", fmt::format("foreign metric {}", metric.metric.text()));
    loop.producer_.publish(metric);
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
    place.open = Loop::Open::no;
    remember(place.segment);
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
  std::erase_if(unsealed_, [&](const std::shared_ptr<OpenCut>& cut) {
    if (!watch.all_passed(cut->barrier)) return false;
    book->seal(*cut);
    return true;
  });
  if (sync.relaxed() && unsealed_.empty() && !ended) watch.set_eager(false);
}

void LoopInside::open_cut(std::vector<SavedName> names) {
  const Loop::Place& place = loop.place_;
  auto cut = std::make_shared<OpenCut>();
  // Each name once, those of a `last` behind all others.
  for (const bool last : {false, true})
    for (const SavedName& name : names) {
      const auto same = [&](const SavedName& other) { return other.file == name.file; };
      if (name.last == last && std::none_of(cut->names.begin(), cut->names.end(), same)) cut->names.push_back(name);
    }
  for (const SavedName& name : cut->names) {
    cut->cut.files.push_back(name.file);
    std::erase_if(carried_, [&](const auto& gone) { return gone.first == name.file; });
    std::erase_if(superseded_, [&](const auto& gone) { return gone.first == name.file; });
  }
  carried_.insert(carried_.end(), superseded_.begin(), superseded_.end());
  superseded_.clear();
  const bool last = cut->names.back().last;
  if (last) last_cut_at_ = hot.list.total();
  cut->cut.number = ++cuts_;
  cut->cut.step = place.step;
  cut->cut.epoch = place.epoch;
  cut->cut.batch = place.batch;
  cut->cut.segment = place.segment;
  cut->boundary = place.number;
  cut->begun = Clock::steady();
  cut->writer = options.snapshot(cut->cut);
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
                .superseded = carried_};
  if (last) carried_.clear();
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
  loop.producer_.publish(Barrier{.step = place.step, .cut = cut->cut.number});
  cut->barrier = last_number();
  book->publish_done(*cut);
  unsealed_.push_back(std::move(cut));
  waits_ = true;
  hot.quick = false;
}

/// The list of boundaries is full: forgets what every word has passed. Behind push(): the words may cover this boundary
/// already, and what they cover must find it.
void LoopInside::make_room() {
  watch.look();
  take();
  waits_ |= !pending.empty();  // taken here, so run() finds nothing waiting in the mailbox
  hot.quick = relaxed_ && !waits_;
  hot.list.forget(watch.passed(loop.place_.number));
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
void Loop::rung() { inside_->busy(); }

}  // namespace sidestep
