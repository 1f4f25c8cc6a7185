#include <model/explorer.hpp>

#include <algorithm>

namespace sidestep::model {

std::uint64_t Explorer::run(const std::function<std::vector<std::function<void()>>()>& program) {
  path_.clear();
  std::uint64_t executions = 0;
  do {
    if (++executions > options_.executions) throw Violation("the bound on executions was reached: make the program smaller.");
    current() = this;
    execute(program());
    if (!error_.empty()) throw Violation(error_ + " (execution " + std::to_string(executions) + ")");
  } while (next_path());
  return executions;
}

void Explorer::enter() {
  Explorer& self = *current();
  Thread& thread = *self.threads_[self.running_];
  try {
    thread.body();
  } catch (const std::exception& error) {
    if (self.error_.empty()) self.error_ = error.what();
  }
  thread.done = true;
  swapcontext(&thread.context, &self.main_);
}

void Explorer::execute(std::vector<std::function<void()>> bodies) {
  depth_ = 0;
  preempted_ = 0;
  places_.clear();
  plain_.clear();
  error_.clear();
  // Stacks are used again: what an abandoned execution left on them owns nothing.
  while (threads_.size() < bodies.size()) threads_.push_back(std::make_unique<Thread>());
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    Thread& thread = *threads_[i];
    thread.body = std::move(bodies[i]);
    thread.times = thread.read = thread.released = {};
    thread.done = thread.waiting = thread.fresh = false;
    getcontext(&thread.context);
    thread.context.uc_stack.ss_sp = thread.stack.data();
    thread.context.uc_stack.ss_size = thread.stack.size();
    thread.context.uc_link = nullptr;
    makecontext(&thread.context, &Explorer::enter, 0);
  }
  running_ = 0;
  int last = -1;
  while (error_.empty()) {
    std::vector<int> ready;
    for (std::size_t i = 0; i < threads_.size(); ++i)
      if (!threads_[i]->done && !threads_[i]->waiting) ready.push_back(static_cast<int>(i));
    if (ready.empty()) {
      // Nobody will store any more: whoever waits looks again, now without stale values; twice in vain is a deadlock.
      for (std::size_t i = 0; i < threads_.size(); ++i) {
        Thread& thread = *threads_[i];
        if (thread.done) continue;
        if (thread.fresh) error_ = "deadlock";
        thread.fresh = true;
        thread.waiting = false;
        ready.push_back(static_cast<int>(i));
      }
      if (ready.empty() || !error_.empty()) return;
    }
    // Going on with the same thread is free; leaving it although it could go on is a preemption.
    const auto same = std::find(ready.begin(), ready.end(), last);
    if (same != ready.end()) std::rotate(ready.begin(), same, same + 1);
    const bool may_switch = same == ready.end() || preempted_ < options_.preemptions;
    const int chosen = ready[may_switch ? choose(static_cast<int>(ready.size())) : 0];
    if (last >= 0 && chosen != last && std::find(ready.begin(), ready.end(), last) != ready.end()) ++preempted_;
    last = running_ = chosen;
    swapcontext(&main_, &threads_[chosen]->context);
  }
}

int Explorer::choose(int options) {
  if (depth_ == path_.size()) path_.emplace_back(0, options);
  return path_[depth_++].first;
}

bool Explorer::next_path() {
  path_.resize(std::min(path_.size(), depth_));
  while (!path_.empty() && ++path_.back().first == path_.back().second) path_.pop_back();
  return !path_.empty();
}

/// Before each access: the point at which another thread may go first.
void Explorer::step() {
  Thread& thread = *threads_[running_];
  swapcontext(&thread.context, &main_);
  ++thread.times[running_];
}

Explorer::Place& Explorer::place(const void* at, std::uint64_t initial) {
  Place& found = places_[at];
  if (found.history.empty()) found.history.push_back({initial, 0, 0, {}});
  return found;
}

std::uint64_t Explorer::load(const void* at, std::uint64_t initial, std::memory_order order) {
  step();
  Thread& me = *threads_[running_];
  Place& from = place(at, initial);
  std::size_t& floor = from.floor[running_];
  for (std::size_t i = from.history.size(); i-- > floor;)
    if (from.history[i].time <= me.times[from.history[i].thread]) floor = i, i = floor;  // it happened before: nothing older
  const std::size_t newest = from.history.size() - 1;
  const std::size_t seen = me.fresh ? newest : newest - static_cast<std::size_t>(choose(static_cast<int>(newest - floor) + 1));
  floor = seen;
  if (order == std::memory_order_acquire && !options_.weak_loads) join(me.times, from.history[seen].carries);
  join(me.read, from.history[seen].carries);
  return from.history[seen].value;
}

/// A fence is nothing that others see: no point at which one of them may go first.
void Explorer::fence(std::memory_order order) {
  Thread& me = *threads_[running_];
  if (order == std::memory_order_acquire && !options_.weak_acquire_fences) join(me.times, me.read);
  if (order == std::memory_order_release && !options_.weak_release_fences) me.released = me.times;
}

void Explorer::store(const void* at, std::uint64_t initial, std::uint64_t value, std::memory_order order) {
  step();
  Thread& me = *threads_[running_];
  Place& to = place(at, initial);
  const bool release = order == std::memory_order_release && !options_.weak_stores;
  to.history.push_back({value, running_, me.times[running_], release ? me.times : me.released});
  to.floor[running_] = to.history.size() - 1;
  for (const auto& thread : threads_) thread->waiting = thread->fresh = false;
}

std::uint64_t Explorer::exchange(const void* at, std::uint64_t initial, std::uint64_t value, std::memory_order order) {
  step();
  Thread& me = *threads_[running_];
  Place& both = place(at, initial);
  const std::uint64_t seen = both.history.back().value;
  const Times carried = both.history.back().carries;
  if (order == std::memory_order_acquire && !options_.weak_loads) join(me.times, carried);
  join(me.read, carried);
  Times carries = carried;  // it goes on with the release sequence
  join(carries, order == std::memory_order_release && !options_.weak_stores ? me.times : me.released);
  both.history.push_back({value, running_, me.times[running_], carries});
  both.floor[running_] = both.history.size() - 1;
  for (const auto& thread : threads_) thread->waiting = thread->fresh = false;
  return seen;
}

void Explorer::read_plain(const void* at) {
  step();
  Plain& data = plain_[at];
  const Times& now = threads_[running_]->times;
  if (data.writer >= 0 && data.writer != running_ && data.written > now[data.writer]) throw Violation("race: read of data that is being written");
  data.read[running_] = now[running_];
}

void Explorer::write_plain(const void* at) {
  step();
  Plain& data = plain_[at];
  const Times& now = threads_[running_]->times;
  if (data.writer >= 0 && data.writer != running_ && data.written > now[data.writer]) throw Violation("race: two writes");
  for (int i = 0; i < most_threads; ++i)
    if (i != running_ && data.read[i] > now[i]) throw Violation("race: data is overwritten while it is read");
  data.writer = running_;
  data.written = now[running_];
}

void Explorer::wait() {
  threads_[running_]->waiting = true;
  step();
}

}  // namespace sidestep::model
