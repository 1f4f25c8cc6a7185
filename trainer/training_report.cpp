#include <sidestep/trainer/training_report.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>

#include <fmt/format.h>
#include <sidestep/trainer/control/atomic_file.hpp>
#include <sidestep/trainer/control/report.hpp>

namespace sidestep {
namespace {

using Json = nlohmann::ordered_json;

/// What JSON has no number for stands there as null.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

double number_in(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number() ? found->get<double>() : 0.0;
}

}  // namespace

Json to_json(const Score& score) { return {{"loss", number(score.loss)}, {"accuracy", number(score.accuracy)}}; }

Json to_json(const EpochResult& row) {
  Json json{{"epoch", row.epoch},
            {"step", row.step},
            {"seconds", row.seconds},
            {"samples_per_second", row.seconds > 0 ? static_cast<double>(row.samples) / row.seconds : 0.0},
            {"samples", row.samples},
            {"learning_rate", number(row.learning_rate)},
            {"train", to_json(row.train)},
            {"val", row.val ? to_json(*row.val) : Json(nullptr)}};
  if (row.partial) json["partial"] = true;
  return json;
}

std::vector<EpochResult> read_epochs(const std::filesystem::path& report) {
  std::ifstream file(report, std::ios::binary);
  const Json json = Json::parse(file, nullptr, /*allow_exceptions=*/false);
  std::vector<EpochResult> rows;
  if (!json.is_object() || !json.contains("epochs") || !json["epochs"].is_array()) return rows;
  for (const Json& each : json["epochs"]) {
    if (!each.is_object()) continue;
    rows.push_back({.epoch = static_cast<Epoch>(number_in(each, "epoch")),
                    .step = static_cast<Step>(number_in(each, "step")),
                    .seconds = number_in(each, "seconds"),
                    .samples = static_cast<std::int64_t>(number_in(each, "samples")),
                    .partial = each.contains("partial")});
  }
  return rows;
}

std::vector<std::string> TrainingReport::failed() const {
  std::vector<std::string> sentences;
  if (const auto callbacks = json.find("callbacks"); callbacks != json.end() && callbacks->is_array())
    for (const Json& each : *callbacks)
      if (each.value("failures", 0) > 0) {
        const Json& why = each.at("last_error");
        sentences.push_back(fmt::format("callback {} failed: {}", each.at("name").get<std::string>(),
                                        why.is_string() ? why.get<std::string>() : "it said nothing"));
      }
  if (const auto others = json.find("failed"); others != json.end())
    for (const Json& each : *others) sentences.push_back(each.get<std::string>());
  return sentences;
}

std::vector<std::string> TrainingReport::warnings() const {
  const auto all = json.find("warnings");
  return all != json.end() && all->is_array() ? all->get<std::vector<std::string>>() : std::vector<std::string>();
}

void TrainingReport::note_failure(const std::string& sentence) {
  Json& failed = json["failed"];
  if (std::find(failed.begin(), failed.end(), sentence) == failed.end()) failed.push_back(sentence);
}

void TrainingReport::refresh(const Bus& bus) {
  const BusAccount account = bus.account();
  Json& counts = json["bus"];
  counts["events"] = account.events;
  counts["published"] = account.published;
  counts["delivered"] = account.delivered;
  counts["dropped"] = account.dropped;
  counts["pending"] = account.pending;
  counts["publisher_waits"] = account.publisher_waits;
  json["callbacks"] = callbacks_report(bus);
}

void TrainingReport::write(const std::filesystem::path& file) const {
  // replace: a name or an error may hold bytes that aren't UTF-8
  write_file_atomically(file, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace sidestep
