#include <sidestep/trainer/command/summary.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <fmt/format.h>

namespace sidestep {
namespace {

using Json = nlohmann::ordered_json;

/// Columns as wide as their widest cell; the first `names` are flush left, the others flush right.
class Table {
 public:
  Table(std::size_t names, std::vector<std::string> heading) : names_(names) { add(std::move(heading)); }
  void add(std::vector<std::string> cells) {
    widths_.resize(std::max(widths_.size(), cells.size()));
    for (std::size_t i = 0; i < cells.size(); ++i) widths_[i] = std::max(widths_[i], cells[i].size());
    rows_.push_back(std::move(cells));
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> all;
    for (const auto& row : rows_) {
      std::string line;
      for (std::size_t i = 0; i < row.size(); ++i)
        line += i < names_ ? fmt::format("{:<{}}  ", row[i], widths_[i]) : fmt::format("{:>{}}  ", row[i], widths_[i]);
      line.erase(line.find_last_not_of(' ') + 1);
      all.push_back(std::move(line));
    }
    return all;
  }
  std::string text() const {
    std::string all;
    for (const std::string& line : lines()) all += line + '\n';
    return all;
  }

 private:
  std::size_t names_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::size_t> widths_;
};

std::string duration(double nanoseconds) {
  if (nanoseconds < 1e3) return fmt::format("{:.0f} ns", nanoseconds);
  if (nanoseconds < 1e6) return fmt::format("{:.1f} us", nanoseconds / 1e3);
  if (nanoseconds < 1e9) return fmt::format("{:.1f} ms", nanoseconds / 1e6);
  return fmt::format("{:.2f} s", nanoseconds / 1e9);
}

std::string count(const Json& value) { return fmt::format("{}", value.get<std::uint64_t>()); }

std::string callbacks_table(const Json& callbacks) {
  Table table(1, {"callback", "events", "CPU", "backlog", "delay p50", "delay max", "failures"});
  for (const Json& each : callbacks)
    table.add({each["name"].get<std::string>(), count(each["events"]),
               duration(each["cpu_seconds"].get<double>() * 1e9), count(each["max_backlog"]),
               duration(each["delay_ns"]["p50"].get<double>()), duration(each["delay_ns"]["max"].get<double>()),
               count(each["failures"])});
  return table.text();
}

std::string step(const Json& value) { return value.is_null() ? "-" : fmt::format("{}", value.get<std::int64_t>()); }

std::string number_text(const Json& value) {
  const double number = value.is_number() ? value.get<double>() : std::nan("");
  return std::isnan(number) ? "nan" : fmt::format("{:.4g}", number);
}

/// Cut to so many columns, with an ellipsis where something is missing; a character of UTF-8 stays whole.
std::string shortened(std::string text, std::size_t columns) {
  std::size_t seen = 0, keep = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;  // goes on with a character
    if (++seen == columns) keep = i;
  }
  if (seen > columns) text.resize(keep), text += "…";
  return text;
}

/// Decisions of one kind that one owner has asked for: those columns that say something of them.
std::string decisions_of(const std::vector<const Json*>& rows) {
  const auto any = [&](auto says) { return std::ranges::any_of(rows, [&](const Json* row) { return says(*row); }); };
  const std::string kind = rows.front()->at("decision").get<std::string>();
  const bool files = any([](const Json& row) { return row.contains("file"); });
  const bool values = any([](const Json& row) { return row["value"] != 0; });
  const bool rates = kind == "set_learning_rate" || kind == "scale_learning_rate" || kind == "set_schedule";
  const bool reasons = any([](const Json& row) { return row["reason"] != ""; });
  std::vector<std::string> heading{"  cause", "applied"};
  if (values) heading.emplace_back("value");
  if (rates) heading.emplace_back("learning rate");
  Table numbers(0, heading);
  std::size_t file_columns = 0;
  for (const Json* row : rows) {
    std::vector<std::string> cells{step((*row)["cause_step"]), step((*row)["applied_step"])};
    if (values) cells.push_back(number_text((*row)["value"]));
    if (rates) cells.push_back(number_text((*row)["learning_rate"]));
    numbers.add(std::move(cells));
    if (files) file_columns = std::max(file_columns, row->value("file", std::string()).size());
  }
  std::vector<std::string> lines = numbers.lines();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Json* const row = i == 0 ? nullptr : rows[i - 1];
    if (files)
      lines[i] += fmt::format("  {:<{}}", row == nullptr ? "file" : row->value("file", std::string()), file_columns);
    if (reasons) {
      const std::size_t left = std::max<std::size_t>(lines[i].size() + 2 + 24, 80) - lines[i].size() - 2;
      lines[i] += "  " + (row == nullptr ? "reason" : shortened((*row)["reason"].get<std::string>(), left));
    }
  }
  std::string text = fmt::format("{} by {}\n", kind, rows.front()->at("by").get<std::string>());
  for (std::string& line : lines) {
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

/// Grouped by what was decided and by whom, in the order in which each came first; within a group by time.
std::string decisions_tables(const Json& decisions) {
  std::vector<std::vector<const Json*>> groups;
  for (const Json& each : decisions) {
    const auto same = [&](const std::vector<const Json*>& group) {
      return group.front()->at("decision") == each["decision"] && group.front()->at("by") == each["by"];
    };
    auto at = std::ranges::find_if(groups, same);
    if (at == groups.end()) at = groups.emplace(groups.end());
    at->push_back(&each);
  }
  std::string text;
  for (const auto& group : groups) text += decisions_of(group);
  return text;
}

/// A quantile of less than this many is none.
constexpr std::uint64_t enough = 20;

std::string at_most_the_clock(const Json& nanoseconds, const Json& clock_step) {
  const auto value = nanoseconds.get<double>(), least = clock_step.get<double>();
  return value < least ? "< " + duration(least) : duration(value);
}

std::string bus_lines(const Json& bus, const Json& boundary) {
  const Json& publish = bus["publish_ns"];
  const Json& clock = bus["clock_step_ns"];
  std::string text =
      fmt::format("bus: {} events; published {} = delivered {} + dropped {} + pending {}\n", count(bus["events"]),
                  count(bus["published"]), count(bus["delivered"]), count(bus["dropped"]), count(bus["pending"]));
  if (publish["timed"] >= enough)
    text += fmt::format("publish: p50 {}, p99 {}, max {} ({} timed, net of the timer)\n",
                        at_most_the_clock(publish["p50"], clock), at_most_the_clock(publish["p99"], clock),
                        at_most_the_clock(publish["max"], clock), count(publish["timed"]));
  else
    text += fmt::format("publish: {} timed, too few for a figure\n", count(publish["timed"]));
  const Json& timed = boundary["ns"]["timed"];
  text += fmt::format("boundaries: {}, ", count(boundary["count"]));
  if (timed >= enough)
    text += fmt::format("p50 {} ({} timed, net of the timer)\n", at_most_the_clock(boundary["ns"]["p50"], clock),
                        count(timed));
  else
    text += fmt::format("{} timed, too few for a figure\n", count(timed));
  text += fmt::format("waits: {} for room in the ring; {} at boundaries for a decision, {} in all\n",
                      count(bus["publisher_waits"]), count(boundary["waits"]),
                      duration(boundary["waited_ns"].get<double>()));
  return text;
}

/// Under lag and lockstep the training waits for pipelines that the machine leaves no time to.
std::string where_it_waited(const Json& report) {
  double seconds = 0;  // of this process, since its waits alone are counted
  const Json resumed = report.value("resumed_at", Json());
  for (const Json& epoch : report.value("epochs", Json::array()))
    if (resumed.is_null() || epoch["step"].get<std::int64_t>() > resumed.get<std::int64_t>())
      seconds += epoch["seconds"].get<double>();
  const double waited = report["boundary"]["waited_ns"].get<double>() / 1e9;
  if (seconds == 0 || waited < 0.1 || waited < 0.01 * seconds) return {};
  return fmt::format("note: {} of {} were waits for decisions (none with --sync relaxed).\n", duration(waited * 1e9),
                     duration(seconds * 1e9));
}

/// What somebody should know before trusting this run.
std::string remarks(const TrainingReport& report) {
  std::string text;
  for (const Json& each : report.json["boundary"]["refused"])
    text += fmt::format("refused: {} by {} at step {}: {}\n", each["decision"].get<std::string>(),
                        each["by"].get<std::string>(), step(each["step"]), each["why"].get<std::string>());
  for (const Json& each : report.json["reproducible"]["broken"])
    text += fmt::format("not reproducible from step {} on: {} {}\n", step(each["step"]), each["by"].get<std::string>(),
                        each["why"].get<std::string>());
  text += where_it_waited(report.json);
  for (const Json& each : report.json["warnings"]) text += fmt::format("note: {}\n", each.get<std::string>());
  return text;
}

}  // namespace

std::string summary(const TrainingReport& report) {
  std::string text;
  if (!report.json["callbacks"].empty()) text += "\n" + callbacks_table(report.json["callbacks"]);
  if (const auto log = report.json.find("recording"); log != report.json.end())
    text +=
        fmt::format("\n{}: {} events, {:.0f} KiB, CPU {}\n", (*log)["name"].get<std::string>(), count((*log)["events"]),
                    (*log)["bytes"].get<double>() / 1024, duration((*log)["cpu_seconds"].get<double>() * 1e9));
  if (const Json resumed = report.json.value("resumed_at", Json()); !resumed.is_null())
    text +=
        fmt::format("\nCallbacks, bus and boundaries: counted since the run was resumed at step {}.\n", count(resumed));
  text += "\n" + bus_lines(report.json["bus"], report.json["boundary"]);
  if (const Json& decisions = report.json["boundary"]["decisions"]; !decisions.empty())
    text += "\n" + decisions_tables(decisions);
  if (const std::string more = remarks(report); !more.empty()) text += "\n" + more;
  return text;
}

}  // namespace sidestep
