#include <sidestep/trainer/trainer_state.hpp>

#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sidestep/trainer/control/safetensors.hpp>

namespace sidestep {
namespace {

using SortedJson = nlohmann::json;

/// Shortest digits that read back as the same number; what isn't finite stands there as text.
SortedJson exact(double value) {
  return std::isfinite(value) ? SortedJson(value) : SortedJson(fmt::format("{}", value));
}

double read_exact(const SortedJson& json) {
  if (json.is_number()) return json.get<double>();
  const auto& text = json.get_ref<const std::string&>();
  const double value = text.ends_with("inf") ? std::numeric_limits<double>::infinity() : std::nan("");
  return text.starts_with('-') ? -value : value;
}

SortedJson to_text_json(const Score& score) {
  return {{"loss", exact(score.loss)}, {"accuracy", exact(score.accuracy)}};
}
Score read_score(const SortedJson& json) { return {read_exact(json.at("loss")), read_exact(json.at("accuracy"))}; }

SortedJson to_text_json(const EpochResult& row) {
  SortedJson json{{"epoch", row.epoch},
                  {"step", row.step},
                  {"learning_rate", exact(row.learning_rate)},
                  {"train", to_text_json(row.train)}};
  if (row.val) json["val"] = to_text_json(*row.val);
  return json;
}
EpochResult read_row(const SortedJson& json) {
  EpochResult row{.epoch = json.at("epoch").get<Epoch>(),
                  .step = json.at("step").get<Step>(),
                  .learning_rate = read_exact(json.at("learning_rate")),
                  .train = read_score(json.at("train"))};
  if (json.contains("val")) row.val = read_score(json.at("val"));
  return row;
}

SortedJson to_text_json(const Schedule& s) {
  return {{"shape", static_cast<std::int64_t>(s.shape)},
          {"base", exact(s.base)},
          {"warmup", s.warmup},
          {"warmup_from", exact(s.warmup_from)},
          {"factor", exact(s.factor)},
          {"every", s.every},
          {"length", s.length},
          {"floor", exact(s.floor)}};
}
Schedule read_schedule(const SortedJson& json) {
  const auto shape = json.at("shape").get<std::int64_t>();
  if (shape < 0 || shape > static_cast<std::int64_t>(Schedule::Shape::cosine))
    throw std::runtime_error("its schedule is of an unknown shape");
  return {.shape = static_cast<Schedule::Shape>(shape),
          .base = read_exact(json.at("base")),
          .warmup = json.at("warmup").get<Step>(),
          .warmup_from = read_exact(json.at("warmup_from")),
          .factor = read_exact(json.at("factor")),
          .every = json.at("every").get<Step>(),
          .length = json.at("length").get<Step>(),
          .floor = read_exact(json.at("floor"))};
}

}  // namespace

Score RunningSums::score() const noexcept {
  if (samples == 0) return {};
  const auto count = static_cast<double>(samples);
  return {loss / count, static_cast<double>(correct) / count};
}

std::string TrainerState::to_text() const {
  SortedJson rows = SortedJson::array();
  for (const EpochResult& row : epochs) rows.push_back(to_text_json(row));
  SortedJson json{
      {"model", run.model},
      {"optimizer", run.optimizer},
      {"seed", run.seed},
      {"batch_size", run.batch_size},
      {"train_samples", run.train_samples},
      {"asked_for", {{"lr", exact(run.lr)}, {"schedule", run.schedule}}},
      {"pixels", {{"mean", exact(pixels.mean)}, {"deviation", exact(pixels.deviation)}}},
      {"step", step},
      {"epoch", epoch},
      {"batch", batch},
      {"sums", {{"loss", exact(sums.loss)}, {"correct", sums.correct}, {"samples", sums.samples}}},
      {"learning_rate", {{"schedule", to_text_json(learning_rate.schedule)}, {"factor", exact(learning_rate.factor)}}},
      {"last_rate", exact(last_rate)},
      {"epochs", std::move(rows)},
      {"kept", kept}};
  if (!algorithms.empty()) json["algorithms"] = algorithms;
  return json.dump();
}

TrainerState TrainerState::from_text(std::string_view text, std::string_view where) {
  try {
    const SortedJson json = SortedJson::parse(text);
    TrainerState state;
    state.run = {json.at("model").get<std::string>(),
                 json.at("optimizer").get<std::string>(),
                 json.at("seed").get<std::uint64_t>(),
                 json.at("batch_size").get<std::int64_t>(),
                 json.at("train_samples").get<std::int64_t>(),
                 read_exact(json.at("asked_for").at("lr")),
                 json.at("asked_for").at("schedule").get<std::string>()};
    const SortedJson& pixels = json.at("pixels");
    state.pixels = {static_cast<float>(read_exact(pixels.at("mean"))),
                    static_cast<float>(read_exact(pixels.at("deviation")))};
    state.step = json.at("step").get<Step>();
    state.epoch = json.at("epoch").get<Epoch>();
    state.batch = json.at("batch").get<std::int32_t>();
    const SortedJson& sums = json.at("sums");
    state.sums = {read_exact(sums.at("loss")), sums.at("correct").get<std::int64_t>(),
                  sums.at("samples").get<std::int64_t>()};
    const SortedJson& rate = json.at("learning_rate");
    state.learning_rate = {read_schedule(rate.at("schedule")), read_exact(rate.at("factor"))};
    state.last_rate = read_exact(json.at("last_rate"));
    for (const SortedJson& row : json.at("epochs")) state.epochs.push_back(read_row(row));
    state.algorithms = json.value("algorithms", "");
    state.kept = json.at("kept").get<std::map<std::string, Step>>();
    return state;
  } catch (const std::exception& error) {
    throw CheckpointError(fmt::format(
        "{}: what it says of the training run can't be read ({}). Use a checkpoint that this version wrote.", where,
        error.what()));
  }
}

}  // namespace sidestep
