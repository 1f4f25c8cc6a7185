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
  FinishedRun run{.step = report.at("epochs").at(report.at("epochs").size() - 1).at("step").get<Step>()};
  for (const Json& each : report.at("boundary").at("decisions"))
    if (each.at("decision") == "stop" && each.at("applied_step") == run.step) {
      run.stopped_by = each.at("by").get<std::string>();
      run.reason = each.at("reason").get<std::string>();
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
  // What has to be exceeded: by both, where both are the limit.
  const Asked& limit = stays_stopped ? before : more;
  const Step at_epochs = limit.epochs * batches;
  std::string longer;
  if (!limit.max_steps || *limit.max_steps >= at_epochs)
    longer += fmt::format(" --epochs {}", std::max<Step>(limit.epochs, run.step / batches) + 1);
  if (limit.max_steps && *limit.max_steps <= at_epochs)
    longer += fmt::format(" --max-steps {}", std::max<Step>(*limit.max_steps, run.step) + 1);
  return fmt::format("{}: nothing to do;{} or more trains on.", how, longer);
}

}  // namespace sidestep
