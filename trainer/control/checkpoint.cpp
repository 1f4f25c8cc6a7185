#include <sidestep/trainer/control/checkpoint.hpp>

#include <sidestep/trainer/control/safetensors.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>

namespace sidestep {
namespace {

using Json = nlohmann::ordered_json;
constexpr int version = 1;
constexpr std::string_view segments[] = {"batch", "validation", "epoch", "fit", "next"};

std::string to_hex(std::span<const std::byte> bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::byte byte : bytes) {
    text += digits[std::to_integer<unsigned>(byte) >> 4];
    text += digits[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

std::vector<std::byte> from_hex(const std::string& text) {
  const auto digit = [](char c) -> unsigned {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
    throw std::invalid_argument("a character that is no hexadecimal digit");
  };
  if (text.size() % 2 != 0) throw std::invalid_argument("half a byte");
  std::vector<std::byte> bytes(text.size() / 2);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::byte>(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
  return bytes;
}

// JSON has no NaN and no infinity, and a number may be one of them.
Json number(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}
double number(const Json& json) {
  if (json.is_number()) return json.get<double>();
  const auto text = json.get<std::string>();
  if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (text == "inf" || text == "-inf") return text == "inf" ? HUGE_VAL : -HUGE_VAL;
  throw std::invalid_argument("'" + text + "' where a number should stand");
}

Json step(const std::optional<Step>& value) { return value ? Json(*value) : Json(nullptr); }
std::optional<Step> step(const Json& json) { return json.is_null() ? std::nullopt : std::optional(json.get<Step>()); }

Segment segment(const Json& json) {
  const auto text = json.get<std::string>();
  for (std::size_t i = 0; i < std::size(segments); ++i)
    if (segments[i] == text) return static_cast<Segment>(i);
  throw std::invalid_argument("'" + text + "' is no kind of segment");
}

}  // namespace

std::string_view name_of(Segment segment) noexcept { return segments[static_cast<std::size_t>(segment)]; }

std::string CheckpointState::to_text() const {
  Json all = {{"version", version},
              {"step", step},
              {"epoch", epoch},
              {"batch", batch},
              {"segment", name_of(segment)},
              {"sync", sync.text()},
              {"learning_rate", number(learning_rate)}};
  Json& rows = all["pending"] = Json::array();
  for (const PendingRow& row : pending)
    rows.push_back({{"due_step", sidestep::step(row.due_step)},
                    {"cause_step", row.cause_step},
                    {"segment", name_of(row.segment)},
                    {"pipeline", row.pipeline},
                    {"by", row.by},
                    {"count", row.count},
                    {"decision", row.decision},
                    {"argument", to_hex(row.argument)}});
  Json& states = all["pipelines"] = Json::array();
  for (const PipelineState& one : pipelines) {
    Json state = {{"key", one.key}, {"requests", one.requests}, {"parts", Json::array()}};
    for (const auto& part : one.parts) state["parts"].push_back(to_hex(part));
    if (!one.without.empty()) state["without"] = one.without;
    states.push_back(std::move(state));
  }
  Json& applied = all["decisions"] = Json::array();
  for (const AppliedRow& row : decisions) {
    applied.push_back({{"decision", row.decision},
                       {"by", row.by},
                       {"reason", row.reason},
                       {"cause_step", sidestep::step(row.cause_step)},
                       {"applied_step", row.applied_step},
                       {"value", number(row.value)},
                       {"learning_rate", number(row.learning_rate)}});
    if (!row.file.empty()) applied.back()["file"] = row.file;
  }
  Json& not_applied = all["refused"] = Json::array();
  for (const RefusedRow& row : refused)
    not_applied.push_back({{"decision", row.decision},
                           {"by", row.by},
                           {"why", row.why},
                           {"cause_step", sidestep::step(row.cause_step)},
                           {"step", row.step}});
  Json& promises = all["broken"] = Json::array();
  for (const BrokenRow& row : broken) promises.push_back({{"step", row.step}, {"by", row.by}, {"why", row.why}});
  Json& gone = all["superseded"] = Json::array();
  for (const auto& [file, by] : superseded) gone.push_back({file, by});
  if (last) all["last"] = true;
  // What a user puts into a text is his; it must not break the file.
  return all.dump(-1, ' ', false, Json::error_handler_t::replace);
}

CheckpointState CheckpointState::from_text(std::string_view text, std::string_view where) {
  try {
    const Json all = Json::parse(text);
    if (const int is = all.at("version").get<int>(); is != version)
      throw CheckpointError(
          fmt::format("{}: its state has version {}, and this program reads {}: go on with the program that wrote it.",
                      where, is, version));
    CheckpointState state;
    state.step = all.at("step").get<Step>();
    state.epoch = all.at("epoch").get<Epoch>();
    state.batch = all.at("batch").get<std::int32_t>();
    state.segment = sidestep::segment(all.at("segment"));
    state.sync = parse_sync(all.at("sync").get<std::string>());
    state.learning_rate = number(all.at("learning_rate"));
    for (const Json& row : all.at("pending"))
      state.pending.push_back({.due_step = sidestep::step(row.at("due_step")),
                               .cause_step = row.at("cause_step").get<Step>(),
                               .segment = sidestep::segment(row.at("segment")),
                               .pipeline = row.at("pipeline").get<std::string>(),
                               .by = row.at("by").get<std::string>(),
                               .count = row.at("count").get<std::uint64_t>(),
                               .decision = row.at("decision").get<std::string>(),
                               .argument = from_hex(row.at("argument").get<std::string>())});
    for (const Json& one : all.at("pipelines")) {
      PipelineState pipeline{.key = one.at("key").get<std::string>(),
                             .requests = one.at("requests").get<std::uint64_t>(),
                             .parts = {},
                             .without = {}};
      for (const Json& part : one.at("parts")) pipeline.parts.push_back(from_hex(part.get<std::string>()));
      if (one.contains("without")) pipeline.without = one.at("without").get<std::string>();
      state.pipelines.push_back(std::move(pipeline));
    }
    for (const Json& row : all.at("decisions"))
      state.decisions.push_back({.decision = row.at("decision").get<std::string>(),
                                 .by = row.at("by").get<std::string>(),
                                 .reason = row.at("reason").get<std::string>(),
                                 .cause_step = sidestep::step(row.at("cause_step")),
                                 .applied_step = row.at("applied_step").get<Step>(),
                                 .value = number(row.at("value")),
                                 .learning_rate = number(row.at("learning_rate")),
                                 .file = row.value("file", std::string())});
    for (const Json& row : all.at("refused"))
      state.refused.push_back({.decision = row.at("decision").get<std::string>(),
                               .by = row.at("by").get<std::string>(),
                               .why = row.at("why").get<std::string>(),
                               .cause_step = sidestep::step(row.at("cause_step")),
                               .step = row.at("step").get<Step>()});
    for (const Json& row : all.at("broken"))
      state.broken.push_back(
          {row.at("step").get<Step>(), row.at("by").get<std::string>(), row.at("why").get<std::string>()});
    for (const Json& gone : all.at("superseded"))
      state.superseded.emplace_back(gone.at(0).get<std::string>(), gone.at(1).get<std::string>());
    state.last = all.value("last", false);
    for (const PendingRow& row : state.pending)
      if (row.argument.size() > Decision::capacity) throw std::invalid_argument("an argument that is too long");
    return state;
  } catch (const CheckpointError&) {
    throw;
  } catch (const std::exception& error) {
    throw CheckpointError(fmt::format(
        "{}: its state can't be read ({}): it is damaged or foreign; use another checkpoint.", where, error.what()));
  }
}

}  // namespace sidestep
