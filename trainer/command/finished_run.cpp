#include <sidestep/trainer/command/finished_run.hpp>

#include <algorithm>
#include <fstream>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sidestep {
namespace {

using Json = nlohmann::ordered_json;

Step end_of(const Asked& asked, Step batches) {
  return std::min<Step>(asked.epochs * batches, asked.max_steps.value_or(std::numeric_limits<Step>::max()));
}

FinishedRun end_in(const Json& report) {
  const Json& last = report.at("epochs").at(report.at("epochs").size() - 1);
  FinishedRun run{.step = last.at("step").get<Step>()};
  run.diverged = last.contains("train") && last.at("train").at("loss").is_null();  // what JSON has no number for
  for (const Json& each : report.at("boundary").at("decisions"))
    if (each.at("decision") == "stop" && each.at("applied_step") == run.step) {
      run.stopped_by = each.at("by").get<std::string>();
      run.reason = each.at("reason").get<std::string>();
      run.diverged |= run.stopped_by == "terminate_on_nan";
    }
  return run;
}

}  // namespace

std::optional<FinishedRun> read_finished_run(const std::filesystem::path& report, Step checkpoint) {
  std::ifstream file(report, std::ios::binary);
  const Json json = Json::parse(file, nullptr, /*allow_exceptions=*/false);
  try {
    if (json.at("state") != "finished") return std::nullopt;
    FinishedRun run = end_in(json);
    return run.step == checkpoint ? std::optional(std::move(run)) : std::nullopt;
  } catch (const Json::exception&) {  // no report, or none of ours: the checkpoint counts
    return std::nullopt;
  }
}

std::optional<std::string> nothing_to_do(const FinishedRun& run, const Asked& before, const Asked& more, Step batches) {
  const Step end = end_of(more, batches);
  const bool stays_stopped = !run.stopped_by.empty() && end <= end_of(before, batches);
  if (end > run.step && !stays_stopped) return std::nullopt;
  std::string how = run.stopped_by.empty() ? fmt::format("finished at step {}", run.step)
                                           : fmt::format("stopped by {} at step {}", run.stopped_by, run.step);
  if (!run.reason.empty()) how += fmt::format(" ({})", run.reason);
  if (run.diverged)
    return fmt::format(
        "{}: nothing to do; its loss is no finite number any more, and more steps wouldn't mend that. "
        "Begin a new run, with a lower --lr, say.",
        how);
  // Which of the options that the run remembers has to be raised, so that its end lies behind this step: perhaps both.
  const Step beyond = stays_stopped ? end_of(before, batches) : run.step;
  std::string longer;
  if (before.epochs * batches <= beyond) longer += fmt::format(" --epochs {}", beyond / batches + 1);
  if (before.max_steps && *before.max_steps <= beyond) longer += fmt::format(" --max-steps {}", beyond + 1);
  if (longer.empty()) longer = fmt::format(" --epochs {}", beyond / batches + 1);  // it remembers more than it has done
  return fmt::format("{}: nothing to do;{} or more trains on.", how, longer);
}

}  // namespace sidestep
