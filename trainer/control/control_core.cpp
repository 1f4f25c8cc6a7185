#include <sidestep/trainer/control/control_core.hpp>

#include <sidestep/bus/test_point.hpp>
#include <sidestep/trainer/control/loop_inside.hpp>

#include <fmt/format.h>

#include <utility>

namespace sidestep::detail {

ControlCore::ControlCore() = default;

DeciderEntry& ControlCore::make_decider(Subscription* subscription) {
  const auto new_word = [&]() -> Word& {
    const std::size_t i = words_++;
    if (i < first.words.size()) return first.words[i];
    const std::size_t place = (i - first.words.size()) % 8;
    if (place == 0) lines_.emplace_back();
    return lines_.back().words[place];
  };
  return deciders_.emplace_back(mailbox, new_word(), first.bell, subscription);
}

/// The words of deciders end with their bus, for good.
void ControlCore::stay_on(std::uint64_t bus) {
  if (bus_ != 0 && bus_ != bus)
    throw ControlError(
        "this control belongs to another bus, and its deciders end with that one: make a Control for each bus.");
  bus_ = bus;
}

std::shared_ptr<Asker> ControlCore::bind(Subscription& subscription, unsigned part) {
  const std::lock_guard lock(mutex_);
  stay_on(subscription.bus_serial());
  // A handler may run on the loop's own thread, which polls while it goes through its table of words.
  const bool elsewhere = loop_ != nullptr && (BusThread::current() || std::this_thread::get_id() != loop_thread_);
  if (loop_ != nullptr && !elsewhere) loop_->check_decider(subscription);
  const bool fresh = part > 0 || inline_ == nullptr;
  DeciderEntry& entry = fresh ? make_decider(part > 0 ? &subscription : nullptr) : *inline_;
  if (part == 0) inline_ = &entry;
  auto asker = std::make_shared<Asker>(*this, entry, subscription, static_cast<std::uint32_t>(askers_.size()));
  askers_.push_back(asker);
  // its word must be in the loop's table before its first event, and only the loop knows where that is
  if (elsewhere) {
    subscription.defer();
    joining_.push_back(asker);
    alarm();
  } else if (loop_ != nullptr && !entry.watched) {
    loop_->add_decider(entry);
  }
  subscription.decides_with(entry.decider, part);
  return asker;
}

std::vector<std::shared_ptr<Asker>> ControlCore::take_joining() {
  const std::lock_guard lock(mutex_);
  return std::exchange(joining_, {});
}

Asker* ControlCore::asker_of(const Subscription& subscription) {
  const std::lock_guard lock(mutex_);
  for (const auto& asker : askers_)
    if (&asker->subscription == &subscription) return asker.get();
  return nullptr;
}

void ControlCore::request(const Decision& decision, std::string_view by) {
  outside.enqueue({decision, std::string(by)});
  alarm();
}

void ControlCore::inject(const Metric& metric) {
  injected.enqueue(metric);
  alarm();
}

void ControlCore::interrupt(const char* by) noexcept {
  interrupted.store(by, std::memory_order_relaxed);  // relaxed: alarm() releases it
  alarm();
}

bool ControlCore::ask_to_end() {
  {
    const std::lock_guard lock(mutex_);
    if (loop_ == nullptr || loop_thread_ == std::this_thread::get_id()) return false;
    if (std::exchange(asked_to_end_, true)) return true;
  }
  request(Stop{"the bus is being closed"}, "close");
  return true;
}

void ControlCore::attach(LoopInside& loop, std::uint64_t bus) {
  const std::lock_guard lock(mutex_);
  stay_on(bus);
  if (loop_ != nullptr) throw ControlError("a loop is attached to this control already: finish and destroy it first.");
  loop_ = &loop;
  loop_thread_ = std::this_thread::get_id();
  asked_to_end_ = false;
  // A new loop publishes to a ring of its own, whose numbers begin at 1. Nothing of an earlier one is under way: it was
  // drained.
  for (DeciderEntry& entry : deciders_) {
    entry.watched = false;
    entry.decider.word->begin_anew(0);
  }
}

void ControlCore::detach() noexcept {
  const std::lock_guard lock(mutex_);
  loop_ = nullptr;
  // What this loop was asked for and never saw is nobody's; what comes from now on is the next one's.
  interrupted.store(nullptr, std::memory_order_relaxed);  // relaxed: alarm() releases it
  Outside request;
  while (outside.try_dequeue(request)) {
  }
  Metric metric;
  while (injected.try_dequeue(metric)) {
  }
}

std::vector<DeciderEntry*> ControlCore::deciders() {
  const std::lock_guard lock(mutex_);
  std::vector<DeciderEntry*> all;
  // One whose pipelines are all still to join is admitted by the loop later; nothing moves its word until then.
  const auto joins = [&](const std::shared_ptr<Asker>& asker) {
    return std::ranges::find(joining_, asker) != joining_.end();
  };
  for (DeciderEntry& entry : deciders_) {
    const auto of_it = [&](const auto& asker) { return &asker->decider == &entry; };
    const bool all_join = std::ranges::any_of(askers_, of_it) && std::ranges::none_of(askers_, [&](const auto& asker) {
                            return of_it(asker) && !joins(asker);
                          });
    if (!all_join) all.push_back(&entry);
  }
  return all;
}

Asker& ControlCore::asker(std::uint32_t id) {
  const std::lock_guard lock(mutex_);
  return *askers_.at(id);
}

std::vector<std::shared_ptr<Asker>> ControlCore::askers() {
  const std::lock_guard lock(mutex_);
  return {askers_.begin(), askers_.end()};
}

std::shared_ptr<Asker> bind_decider(const std::shared_ptr<ControlCore>& core, Subscription& subscription,
                                    unsigned part) {
  return core->bind(subscription, part);
}

void ask(Asker& asker, const Decision& decision, Sequence cause) {
  DeciderEntry& by = asker.decider;
  asker.core.mailbox.enqueue(by.token, Request{decision, cause, ++by.decider.made, ++asker.count, asker.id});
  test_point(Point::request_enqueued, &asker.subscription);
  // The word that covers it is stored when the whole span has been run: Decider::advance, on this thread.
}

}  // namespace sidestep::detail

namespace sidestep {

Control::Control() : core_(std::make_shared<detail::ControlCore>()) {}
Control::~Control() = default;

Loop Control::attach(Bus& bus, AttachOptions options) { return Loop(*this, bus, std::move(options)); }
void Control::request(const Decision& decision, std::string_view by) { core_->request(decision, by); }
void Control::inject(const Metric& metric) { core_->inject(metric); }
void Control::interrupt(const char* by) noexcept { core_->interrupt(by); }

}  // namespace sidestep
