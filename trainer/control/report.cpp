#include <sidestep/trainer/control/report.hpp>

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <set>

namespace sidestep {
namespace {

using nlohmann::json;

/// By how much two readings of the clock differ at least: what takes less can't be told from nothing.
Nanoseconds step_of_the_clock() {
  static const Nanoseconds measured = [] {
    std::set<Nanoseconds> seen;
    for (int i = 0; i < 1000; ++i) {
      const Nanoseconds begin = Clock::steady();
      seen.insert(Clock::steady() - begin);
    }
    Nanoseconds least = 1'000;
    for (auto at = seen.begin(); std::next(at) != seen.end(); ++at) least = std::min(least, *std::next(at) - *at);
    return seen.size() > 1 ? least : 1;
  }();
  return measured;
}

json step_or_null(const std::optional<Step>& step) { return step ? json(*step) : json(nullptr); }

/// What the pipelines of one owner have cost.
struct Owner {
  std::uint64_t events = 0, cpu_ns = 0, max_backlog = 0;
  unsigned failures = 0, registration = ~0U;
  Histogram delay;
  std::string last_error;

  void add(const Meter& meter) {
    cpu_ns += meter.cpu_ns.get();
    max_backlog = std::max(max_backlog, meter.max_backlog.get());
    delay.merge(meter.delay);
  }
};

}  // namespace

json to_json(const AppliedRow& row) {
  json made = {{"decision", row.decision},
               {"by", row.by},
               {"reason", row.reason},
               {"cause_step", step_or_null(row.cause_step)},
               {"applied_step", row.applied_step},
               {"value", row.value},
               {"learning_rate", row.learning_rate}};
  if (!row.file.empty()) made["file"] = row.file;
  return made;
}

json to_json(const RefusedRow& row) {
  return {{"decision", row.decision},
          {"by", row.by},
          {"why", row.why},
          {"cause_step", step_or_null(row.cause_step)},
          {"step", row.step}};
}

json to_json(const PendingRow& row) {
  const Decision decision(intern(row.decision), row.argument);
  return {{"decision", row.decision},
          {"by", row.by},
          {"reason", decision.reason()},
          {"cause_step", row.cause_step},
          {"due_step", step_or_null(row.due_step)}};
}

json bus_report(const Bus& bus, const Loop& loop) {
  const BusAccount account = bus.account();
  const Histogram& publish = loop.publish_ns();
  return {{"events", account.events},
          {"published", account.published},
          {"delivered", account.delivered},
          {"dropped", account.dropped},
          {"pending", account.pending},
          {"publisher_waits", account.publisher_waits},
          {"publisher_waited_ns", account.publisher_waited_ns},
          {"publish_ns",
           {{"p50", publish.quantile(0.5)},
            {"p99", publish.quantile(0.99)},
            {"p999", publish.quantile(0.999)},
            {"max", publish.max()},
            {"timed", publish.count()}}},
          {"clock_step_ns", step_of_the_clock()}};
}

json boundary_report(const Loop& loop) {
  json report = {{"count", loop.boundaries()},
                 {"ns",
                  {{"p50", loop.boundary_ns().quantile(0.5)},
                   {"p999", loop.boundary_ns().quantile(0.999)},
                   {"timed", loop.boundary_ns().count()}}},
                 {"waits", loop.waits()},
                 {"waited_ns", loop.waited_ns()},
                 {"pending_at_end", json::array()},
                 {"refused", json::array()},
                 {"decisions", json::array()}};
  for (const PendingRow& row : loop.pending()) report["pending_at_end"].push_back(to_json(row));
  for (const RefusedRow& row : loop.refused()) report["refused"].push_back(to_json(row));
  for (const AppliedRow& row : loop.decisions()) report["decisions"].push_back(to_json(row));
  return report;
}

json callbacks_report(const Bus& bus) {
  std::vector<std::pair<std::string, std::unique_ptr<Owner>>>
      owners;  // in order of registration; a Histogram can't be moved
  const auto owner_of = [&](const std::string& name, unsigned registration) -> Owner& {
    auto at = std::find_if(owners.begin(), owners.end(), [&](const auto& one) { return one.first == name; });
    if (at == owners.end()) at = owners.emplace(owners.end(), name, std::make_unique<Owner>());
    at->second->registration = std::min(at->second->registration, registration);
    return *at->second;
  };
  for (const auto& past : bus.past()) {
    Owner& owner = owner_of(past->owner, past->registration);
    owner.events += past->delivered;
    owner.failures += past->failures;
    if (past->failures > 0) owner.last_error = past->last_error;
    owner.add(past->meter);
  }
  for (const Handle& pipeline : bus.subscriptions()) {
    Owner& owner = owner_of(pipeline->owner(), pipeline->registration());
    owner.events += pipeline->delivered();
    owner.failures += pipeline->failures();
    if (pipeline->failed()) owner.last_error = pipeline->error();
    owner.add(pipeline->meter());
    for (const auto& queue : pipeline->queues()) owner.add(queue->meter);
  }
  std::stable_sort(owners.begin(), owners.end(),
                   [](const auto& a, const auto& b) { return a.second->registration < b.second->registration; });
  json report = json::array();
  for (const auto& [name, owner] : owners)
    report.push_back(
        {{"name", name},
         {"events", owner->events},
         {"cpu_seconds", static_cast<double>(owner->cpu_ns) / 1e9},
         {"max_backlog", owner->max_backlog},
         {"delay_ns",
          {{"p50", owner->delay.quantile(0.5)}, {"p99", owner->delay.quantile(0.99)}, {"max", owner->delay.max()}}},
         {"failures", owner->failures},
         {"last_error", owner->last_error.empty() ? json(nullptr) : json(owner->last_error)}});
  return report;
}

json reproducible_report(const Loop& loop) {
  json report = {{"promised", !loop.sync().relaxed()}, {"broken", json::array()}};
  for (const BrokenRow& row : loop.broken())
    report["broken"].push_back({{"step", row.step}, {"by", row.by}, {"why", row.why}});
  return report;
}

json interrupted_report(const Loop& loop) {
  if (loop.interrupted().empty()) return nullptr;
  return {{"by", loop.interrupted()}, {"step", loop.step()}};
}

}  // namespace sidestep
