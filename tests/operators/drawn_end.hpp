#pragma once

#include "operators/drawn.hpp"
#include "scratch_folder.hpp"

#include <sidestep/operators/over.hpp>
#include <sidestep/operators/to_log.hpp>
#include <sidestep/operators/to_metric.hpp>

#include <sstream>

/// Runs the marble diagrams of ends, behind which nothing can be drawn.
namespace sidestep::test {

/// Two columns of a file that to_log has written: [stamps][values].
inline std::string shown_log(const std::filesystem::path& path) {
  std::istringstream file(read_text(path));
  std::vector<std::int64_t> stamps;
  std::vector<double> values;
  std::string line;
  std::getline(file, line);  // stamp,number,value
  while (std::getline(file, line)) {
    stamps.push_back(std::stoll(line));
    values.push_back(std::stod(line.substr(line.rfind(',') + 1)));
  }
  return shown(stamps) + shown(values);
}

/// What a chain with an end leaves behind, drawn: what it hands to `write`, and Metrics on the bus, when they come; at
/// the end what is in `values`, and in the file loss.csv.
template <class Build>
std::string drawn_end(std::string_view marble, Build build) {
  const ScratchFolder folder;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  ManualClock clock;
  DrawnLine output(clock);
  std::vector<double> values;
  {
    Bus bus({.clock = &clock, .thread = false});
    const auto write = [&](double value) { output.write(shown(value)); };
    const Handle handle = build(drawn_source<Number>(bus), bus, values, write);
    bus.on<Metric>() | subscribe([&](const Metric& metric) { output.write(shown(metric.value)); });
    Producer producer = bus.producer("test");
    for (std::size_t at = 0; at < marble.size(); ++at) {
      clock.set(static_cast<Nanoseconds>(at));
      if (marble[at] >= '0' && marble[at] <= '9') producer.publish(Number{static_cast<double>(marble[at] - '0')});
      if (marble[at] == '|')
        bus.close();
      else
        while (bus.poll()) {
        }
    }
    if (handle->failed()) output.write("#");
  }
  if (!values.empty()) output.write(shown(values));
  if (std::filesystem::exists("loss.csv")) output.write(shown_log("loss.csv"));
  std::filesystem::current_path(before);
  return output.text();
}

/// What comes out of a chain over a range, drawn where the range ends.
template <class Build>
std::string drawn_range(std::string_view marble, Build build) {
  std::vector<double> range;
  for (const char digit : marble.substr(0, marble.find('|'))) range.push_back(digit - '0');
  return std::string(range.size(), '-') + shown(build(range));
}

}  // namespace sidestep::test
