#include <sidestep/trainer/command/summary.hpp>

#include <algorithm>
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
  std::string text() const {
    std::string all;
    for (const auto& row : rows_) {
      std::string line;
      for (std::size_t i = 0; i < row.size(); ++i)
        line += i < names_ ? fmt::format("{:<{}}  ", row[i], widths_[i]) : fmt::format("{:>{}}  ", row[i], widths_[i]);
      line.erase(line.find_last_not_of(' ') + 1);
      all += line + '\n';
    }
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

std::string decisions_table(const Json& decisions) {
  Table table(2, {"decision", "by", "cause", "applied", "value", "learning rate"});
  for (const Json& each : decisions)
    table.add({each["decision"].get<std::string>(), each["by"].get<std::string>(), step(each["cause_step"]),
               step(each["applied_step"]), fmt::format("{:.4g}", each["value"].get<double>()),
               fmt::format("{:.4g}", each["learning_rate"].get<double>())});
  return table.text();
}

std::string bus_lines(const Json& bus, const Json& boundary) {
  const Json& publish = bus["publish_ns"];
  std::string text =
      fmt::format("bus: {} events; published {} = delivered {} + dropped {} + pending {}\n", count(bus["events"]),
                  count(bus["published"]), count(bus["delivered"]), count(bus["dropped"]), count(bus["pending"]));
  text += fmt::format("publish: p50 {}, p99 {}, max {}; the loop waited {} times for room\n",
                      duration(publish["p50"].get<double>()), duration(publish["p99"].get<double>()),
                      duration(publish["max"].get<double>()), count(bus["publisher_waits"]));
  text += fmt::format("boundaries: {}, p50 {}; {} waited for a decision, {} in all\n", count(boundary["count"]),
                      duration(boundary["ns"]["p50"].get<double>()), count(boundary["waits"]),
                      duration(boundary["waited_ns"].get<double>()));
  return text;
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
  for (const Json& each : report.json["warnings"]) text += fmt::format("note: {}\n", each.get<std::string>());
  return text;
}

}  // namespace

std::string summary(const TrainingReport& report) {
  std::string text;
  if (!report.json["callbacks"].empty()) text += "\n" + callbacks_table(report.json["callbacks"]);
  text += "\n" + bus_lines(report.json["bus"], report.json["boundary"]);
  if (const Json& decisions = report.json["boundary"]["decisions"]; !decisions.empty())
    text += "\n" + decisions_table(decisions);
  if (const std::string more = remarks(report); !more.empty()) text += "\n" + more;
  return text;
}

}  // namespace sidestep
