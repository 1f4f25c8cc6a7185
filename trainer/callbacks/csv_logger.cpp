#include <sidestep/operators/observe_on.hpp>
#include <sidestep/operators/pipe.hpp>
#include <sidestep/operators/subscribe.hpp>
#include <sidestep/trainer/callbacks/arguments.hpp>
#include <sidestep/trainer/callbacks/csv_logger.hpp>
#include <sidestep/trainer/control/numbers.hpp>

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <string_view>

namespace sidestep {
namespace {

constexpr std::array<std::string_view, 3> wall_times{"seconds", "samples_per_second", "waited_ns"};

std::string in_quotes(std::string_view text, char separator) {
  if (text.find_first_of(std::string{separator, '"', '\n'}) == std::string_view::npos) return std::string(text);
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"') result += '"';
    result += c;
  }
  return result + '"';
}

/// The cells of a line, quotes taken off.
std::vector<std::string> cells_of(std::string_view line, char separator) {
  std::vector<std::string> cells(1);
  bool inside = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"' && inside && i + 1 < line.size() && line[i + 1] == '"')
      cells.back() += line[i++];
    else if (line[i] == '"')
      inside = !inside;
    else if (line[i] == separator && !inside)
      cells.emplace_back();
    else
      cells.back() += line[i];
  }
  return cells;
}

}  // namespace

CsvWriter::CsvWriter(std::shared_ptr<RowFile> file, char separator) : file_(std::move(file)), separator_(separator) {
  if (file_->lines() == 0) return;
  for (std::string& cell : cells_of(file_->first_line(), separator_))
    if (cell != "epoch" && std::ranges::find(wall_times, cell) == wall_times.end()) columns_.push_back(std::move(cell));
}

void CsvWriter::operator()(const EpochRow& row) {
  if (file_->lines() == 0) {
    columns_.clear();
    for (const auto& [name, value] : row.metrics) columns_.push_back(name);
    write_heading();
  }
  std::string line = fmt::to_string(row.epoch);
  for (const std::string& column : columns_) {
    const double* const value = row.find(column);
    line += separator_;
    line += value != nullptr ? fmt::to_string(without_sign_if_nan(*value)) : "NA";
  }
  fmt::format_to(std::back_inserter(line), "{0}{1:.6g}{0}{2:.6g}{0}{3}", separator_, row.seconds,
                 row.samples_per_second, row.waited_ns);
  file_->append(line);
  file_->flush();
}

void CsvWriter::write_heading() {
  std::string line = "epoch";
  for (const std::string& column : columns_) (line += separator_) += in_quotes(column, separator_);
  for (const std::string_view column : wall_times) (line += separator_) += column;
  file_->append(line);
}

void CsvWriter::resume(std::uint64_t rows) {
  if (rows == 0)
    file_->cut(0);
  else
    file_->cut(rows + 1, 1);
}

Callback csv_logger(CsvLoggerOptions options) {
  if (options.file.empty()) throw CallbackError("csv_logger: it has no file. Say file=metrics.csv, or another name.");
  // a number, NA or nan may hold it
  if (std::isalnum(static_cast<unsigned char>(options.separator)) != 0 ||
      std::string_view("\"\n\r.+-").find(options.separator) != std::string_view::npos || options.separator == '\0')
    throw CallbackError(
        fmt::format("csv_logger: separator={} can't separate numbers. Say ',' or ';'.", options.separator));
  // the file's name, not where it lies: equal runs have equal checkpoints, and two loggers don't take each other's
  // state
  return {"csv_logger", fmt::format("file={},separator={}", options.file.filename().string(), options.separator),
          [options](CallbackContext& run) {
            const std::filesystem::path path = callback_file(run, options.file);
            const bool keep = run.resumed || (options.append && !(run.begins_again && is_in_folder(run, path)));
            auto file = std::make_shared<RowFile>(path, keep ? RowFile::Open::keep : RowFile::Open::fresh);
            run.on<Metric, EpochEnd>().from(Stream::trainer) | EpochRows{} | observe_on(io) |
                subscribe(saved, CsvWriter(std::move(file), options.separator));
          }};
}

namespace {

constexpr CallbackOption csv_logger_options[] = {
    {"file", "path", "metrics.csv", "in the run's folder"},
    {"separator", "character", "\\,", "between the columns (a comma is written \\, in a --callback)"},
    {"append", "yes|no", "no", "to a file that is there, instead of beginning it anew"}};

constexpr ForeignOption csv_logger_elsewhere[] = {{"filename", "Say file=NAME."}};

Callback make_csv_logger(const CallbackArguments& given) {
  CsvLoggerOptions o;
  given.path("file", o.file).letter("separator", o.separator).flag("append", o.append);
  return csv_logger(o);
}

}  // namespace

constinit const CallbackEntry csv_logger_entry{
    .name = "csv_logger",
    .summary = "metrics.csv: one row an epoch",
    .options = csv_logger_options,
    .make = make_csv_logger,
    .by_default = "",
    .elsewhere = csv_logger_elsewhere,
};

}  // namespace sidestep
