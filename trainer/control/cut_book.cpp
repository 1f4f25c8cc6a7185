#include <sidestep/trainer/control/cut_book.hpp>

#include <algorithm>

namespace sidestep::detail {
namespace {
constexpr std::chrono::milliseconds wait_slice{10};

bool lives(const Subscription& pipeline) noexcept {
  const auto life = pipeline.life();
  return (life == Subscription::Life::running || life == Subscription::Life::completed) && !pipeline.decider_failed();
}
}  // namespace

bool OpenCut::Expected::answered() const noexcept {
  return std::all_of(parts.begin(), parts.end(), [](const Part& part) { return part.answered; });
}

void CutBook::open(std::shared_ptr<OpenCut> cut) {
  const std::lock_guard lock(mutex_);
  for (OpenCut::Expected& one : cut->expected)
    one.silent = std::find(silent_.begin(), silent_.end(), one.pipeline) != silent_.end();
  open_.push_back(std::move(cut));
}

void CutBook::publish_done(OpenCut& cut) {
  const std::lock_guard lock(mutex_);
  cut.opened = true;
  changed_.notify_all();
}

void CutBook::seal(OpenCut& cut) {
  const std::lock_guard lock(mutex_);
  std::sort(cut.pending.begin(), cut.pending.end(), applied_before);
  for (const Taken& one : cut.pending) cut.state.pending.push_back(one.row());
  cut.sealed = true;
  changed_.notify_all();
}

void CutBook::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

void CutBook::give_up() {
  const std::lock_guard lock(mutex_);
  given_up_ = true;
  changed_.notify_all();
}

std::vector<Handle> CutBook::take_silent() {
  const std::lock_guard lock(mutex_);
  return std::exchange(silent_, {});
}

std::shared_ptr<OpenCut> CutBook::next() {
  std::unique_lock lock(mutex_);
  Nanoseconds waited = 0;
  for (;;) {
    if (open_.empty()) {
      if (closed_) return nullptr;
      changed_.wait(lock);
      continue;
    }
    const std::shared_ptr<OpenCut> cut = open_.front();
    if (complete(*cut)) {
      open_.erase(open_.begin());
      finish_state(*cut);
      return cut;
    }
    if (closed_ && !cut->sealed) {  // the loop was broken off: nobody seals it any more
      open_.erase(open_.begin());
      continue;
    }
    // The deadline counts slices of this wait, as the trainer's does.
    const bool slept_through = changed_.wait_for(lock, wait_slice) == std::cv_status::timeout;
    if (slept_through && cut->opened) waited += std::chrono::nanoseconds(wait_slice).count();
    if (waited < deadline_) continue;
    waited = 0;
    for (OpenCut::Expected& one : cut->expected)
      if (!one.answered() && !one.silent && lives(*one.pipeline)) {
        one.silent = true;
        silent_.push_back(one.pipeline);
        core_.alarm();
      }
  }
}

bool CutBook::complete(OpenCut& cut) {
  if (!cut.sealed) return false;
  return std::all_of(cut.expected.begin(), cut.expected.end(), [&](const OpenCut::Expected& one) {
    return one.answered() || one.silent || given_up_ || !lives(*one.pipeline);
  });
}

void CutBook::finish_state(OpenCut& cut) {
  for (OpenCut::Expected& one : cut.expected) {
    PipelineState state{.key = one.pipeline->key(), .requests = one.requests, .parts = {}, .without = {}};
    if (one.pipeline->life() == Subscription::Life::ended && !one.answered())
      continue;  // removed before the cut reached it
    if (!one.answered())
      state.without = "failed", state.requests = 0;
    else if (one.pipeline->options().wall_time)
      state.without = "wall time";
    else
      for (OpenCut::Part& part : one.parts) state.parts.push_back(std::move(part.state));
    cut.state.pipelines.push_back(std::move(state));
  }
}

void CutBook::answer(std::uint64_t number, Subscription& from, unsigned part, std::vector<std::byte> state) {
  // Its count belongs to this thread: the one that runs its decide stage.
  const Asker* const asker = from.decider() != nullptr && from.decider_part() == part ? core_.asker_of(from) : nullptr;
  const std::uint64_t requests = asker != nullptr ? asker->count : 0;
  const std::lock_guard lock(mutex_);
  for (const auto& cut : open_) {
    if (cut->cut.number != number) continue;
    for (OpenCut::Expected& one : cut->expected) {
      if (one.pipeline.get() != &from || part >= one.parts.size() || one.silent) continue;
      one.parts[part] = {std::move(state), true};
      one.requests += requests;
      if (one.answered()) changed_.notify_all();
      return;
    }
  }
}

void CutBook::load(const CheckpointState& state) {
  const std::lock_guard lock(mutex_);
  loaded_ = true;
  for (const PipelineState& one : state.pipelines) saved_[one.key] = one;
}

bool CutBook::restore(Subscription& to, unsigned part, std::vector<std::byte>& state) {
  Asker* const asker = to.decider() != nullptr && to.decider_part() == part ? core_.asker_of(to) : nullptr;
  const std::lock_guard lock(mutex_);
  if (!loaded_) return false;
  const auto at = saved_.find(to.key());
  if (at == saved_.end()) {
    anew_.insert(to.key());
    return false;
  }
  found_.insert(to.key());
  if (asker != nullptr) asker->count = at->second.requests;
  if (!at->second.without.empty() || part >= at->second.parts.size() || to.options().wall_time) {
    anew_.insert(to.key());
    return false;
  }
  state = at->second.parts[part];
  return true;
}

std::pair<std::vector<std::string>, std::vector<std::string>> CutBook::restored() const {
  const std::lock_guard lock(mutex_);
  std::pair<std::vector<std::string>, std::vector<std::string>> both;
  both.first.assign(anew_.begin(), anew_.end());
  for (const auto& [key, state] : saved_)
    if (!found_.contains(key)) both.second.push_back(key);
  return both;
}

}  // namespace sidestep::detail
