#include <model/explorer.hpp>

#include <algorithm>

namespace sidestep::model {
namespace {

bool acquires(std::memory_order order) {
  return order == std::memory_order_acquire || order >= std::memory_order_acq_rel;
}
bool releases(std::memory_order order) { return order >= std::memory_order_release; }

}  // namespace

std::uint64_t Explorer::run(const std::function<std::vector<std::function<void()>>()>& program) {
  path_.clear();
  std::uint64_t executions = 0;
  do {
    if (++executions > options_.executions)
      throw Violation("the bound on executions was reached: make the program smaller.");
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
  const int next = self.next_thread();
  if (next >= 0) self.running_ = next;
  setcontext(next >= 0 ? &self.threads_[next]->context : &self.main_);
}

void Explorer::execute(std::vector<std::function<void()>> bodies) {
  depth_ = 0;
  preempted_ = 0;
  used_ = 0;
  plain_.clear();
  error_.clear();
  redundant_ = false;
  // Stacks are used again: what an abandoned execution left on them owns nothing.
  while (threads_.size() < bodies.size()) threads_.push_back(std::make_unique<Thread>());
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    Thread& thread = *threads_[i];
    thread.body = std::move(bodies[i]);
    thread.times = thread.read = thread.released = {};
    thread.done = thread.waiting = thread.fresh = false;
    thread.looking = thread.stale = thread.wrote = false;
    thread.looked_at.clear();
    getcontext(&thread.context);
    thread.context.uc_stack.ss_sp = thread.stack.data();
    thread.context.uc_stack.ss_size = thread.stack.size();
    thread.context.uc_link = nullptr;
    makecontext(&thread.context, &Explorer::enter, 0);
  }
  count_ = static_cast<int>(bodies.size());
  running_ = -1;
  const int first = next_thread();
  if (first < 0) return;
  running_ = first;
  swapcontext(&main_, &threads_[first]->context);
}

/// Who goes on, after `running_`; -1: the execution is over.
int Explorer::next_thread() {
  if (!error_.empty() || redundant_) return -1;
  const bool can_go_on = running_ >= 0 && !threads_[running_]->done && !threads_[running_]->waiting;
  if (can_go_on && preempted_ >= options_.preemptions) return running_;
  // Going on with the same thread is free; leaving it although it could go on is a preemption.
  std::array<int, most_threads> ready{};
  int count = 0;
  if (can_go_on) ready[count++] = running_;
  for (int i = 0; i < count_; ++i)
    if (i != running_ && !threads_[i]->done && !threads_[i]->waiting) ready[count++] = i;
  if (!can_go_on && count == 0) {
    // Nobody will store any more: whoever waits looks again, now without stale values; twice in vain is a deadlock.
    for (int i = 0; i < count_; ++i) {
      Thread& thread = *threads_[i];
      if (thread.done) continue;
      if (thread.fresh) error_ = "deadlock";
      thread.fresh = true;
      thread.waiting = false;
      ready[count++] = i;
    }
    if (count == 0 || !error_.empty()) return -1;
  }
  const int chosen = ready[choose(count)];
  if (can_go_on && chosen != running_) ++preempted_;
  return chosen;
}

int Explorer::choose(int options) {
  if (options == 1) return 0;
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
  const int me = running_, next = next_thread();
  if (next != me) {
    if (next >= 0) running_ = next;
    swapcontext(&threads_[me]->context, next >= 0 ? &threads_[next]->context : &main_);
  }
  ++threads_[me]->times[me];
}

Explorer::Place& Explorer::place(const void* at, std::uint64_t initial) {
  for (std::size_t i = 0; i < used_; ++i)
    if (places_[i].at == at) return places_[i];
  if (used_ == places_.size()) places_.emplace_back();
  Place& fresh = places_[used_++];
  fresh.at = at;
  fresh.history.assign(1, {initial, 0, 0, {}});
  fresh.floor = {};
  return fresh;
}

std::uint64_t Explorer::load(const void* at, std::uint64_t initial, std::memory_order order) {
  step();
  Thread& me = *threads_[running_];
  Place& from = place(at, initial);
  std::size_t& floor = from.floor[running_];
  for (std::size_t i = from.history.size(); i-- > floor;)
    if (from.history[i].time <= me.times[from.history[i].thread])
      floor = i, i = floor;  // it happened before: nothing older
  const std::size_t newest = from.history.size() - 1;
  const std::size_t seen =
      me.fresh ? newest : newest - static_cast<std::size_t>(choose(static_cast<int>(newest - floor) + 1));
  floor = seen;
  if (me.looking) me.looked_at.push_back(at), me.stale |= seen != newest;
  if (acquires(order) && !options_.weak_loads) join(me.times, from.history[seen].carries);
  join(me.read, from.history[seen].carries);
  return from.history[seen].value;
}

/// A fence is nothing that others see: no point at which one of them may go first.
void Explorer::fence(std::memory_order order) {
  Thread& me = *threads_[running_];
  if (acquires(order) && !options_.weak_acquire_fences) join(me.times, me.read);
  if (releases(order) && !options_.weak_release_fences) me.released = me.times;
}

void Explorer::store(const void* at, std::uint64_t initial, std::uint64_t value, std::memory_order order) {
  step();
  Thread& me = *threads_[running_];
  Place& to = place(at, initial);
  const bool release = releases(order) && !options_.weak_stores;
  to.history.push_back({value, running_, me.times[running_], release ? me.times : me.released});
  to.floor[running_] = to.history.size() - 1;
  stored(to);
}

/// Who waits for a look at this place looks again; who waits for anything does too.
void Explorer::stored(const Place& place) {
  threads_[running_]->wrote = true;
  for (int i = 0; i < count_; ++i) {
    Thread& thread = *threads_[i];
    if (!thread.waiting)
      thread.fresh = false;
    else if (thread.looked_at.empty() ||
             std::find(thread.looked_at.begin(), thread.looked_at.end(), place.at) != thread.looked_at.end())
      thread.waiting = thread.fresh = false;
  }
}

std::uint64_t Explorer::exchange(const void* at, std::uint64_t initial, std::uint64_t value, std::memory_order order) {
  step();
  return modify(place(at, initial), value, order);
}

std::uint64_t Explorer::add(const void* at, std::uint64_t initial, std::uint64_t value, std::memory_order order) {
  step();
  Place& both = place(at, initial);
  return modify(both, both.history.back().value + value, order);
}

bool Explorer::compare_exchange(const void* at, std::uint64_t initial, std::uint64_t& expected, std::uint64_t value,
                                std::memory_order order) {
  step();
  Place& both = place(at, initial);
  if (both.history.back().value == expected) {
    modify(both, value, order);
    return true;
  }
  both.floor[running_] = both.history.size() - 1;
  Thread& me = *threads_[running_];
  if (me.looking) me.looked_at.push_back(at);
  join(me.read, both.history.back().carries);
  expected = both.history.back().value;
  return false;
}

std::uint64_t Explorer::modify(Place& both, std::uint64_t value, std::memory_order order) {
  Thread& me = *threads_[running_];
  const std::uint64_t seen = both.history.back().value;
  const Times carried = both.history.back().carries;
  if (acquires(order) && !options_.weak_loads) join(me.times, carried);
  join(me.read, carried);
  Times carries = options_.plain_modifications ? Times{} : carried;  // it goes on with the release sequence
  join(carries, releases(order) && !options_.weak_stores ? me.times : me.released);
  both.history.push_back({value, running_, me.times[running_], carries});
  both.floor[running_] = both.history.size() - 1;
  stored(both);
  return seen;
}

void Explorer::copy(std::uint64_t* to, const std::uint64_t* from, std::size_t words) {
  write_plain(to);
  const Thread& me = *threads_[running_];
  for (std::size_t i = 0; i < words; ++i) {  // all at one moment: who reads along may see them one by one
    Place& word = place(to + i, to[i]);
    word.history.push_back({from[i], running_, me.times[running_], me.released});
    word.floor[running_] = word.history.size() - 1;
    stored(word);
    to[i] = from[i];
  }
}

void Explorer::race(const char* what) {
  error_ = std::string("race: ") + what;
  leave();
}

/// The execution is over. Nothing is thrown: the code that runs may be noexcept.
void Explorer::leave() { swapcontext(&threads_[running_]->context, &main_); }

void Explorer::read_plain(const void* at) {
  step();
  Plain& data = plain_[at];
  const Times& now = threads_[running_]->times;
  if (data.writer >= 0 && data.writer != running_ && data.written > now[data.writer])
    race("read of data that is being written");
  data.read[running_] = now[running_];
}

void Explorer::write_plain(const void* at) {
  step();
  Plain& data = plain_[at];
  const Times& now = threads_[running_]->times;
  if (data.writer >= 0 && data.writer != running_ && data.written > now[data.writer]) race("two writes");
  for (int i = 0; i < most_threads; ++i)
    if (i != running_ && data.read[i] > now[i]) race("data is overwritten while it is read");
  data.writer = running_;
  data.written = now[running_];
}

void Explorer::wait() {
  threads_[running_]->waiting = true;
  step();
}

void Explorer::look() {
  Thread& me = *threads_[running_];
  me.looking = true;
  me.stale = me.wrote = false;
  me.looked_at.clear();
}

void Explorer::looked(bool success) {
  Thread& me = *threads_[running_];
  me.looking = false;
  if (!success) {
    if (me.stale && !me.wrote) {
      redundant_ = true;
      leave();
    }
    wait();
  }
  me.looked_at.clear();
}

}  // namespace sidestep::model
