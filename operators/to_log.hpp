#pragma once

#include <sidestep/operators/stage.hpp>

#include <filesystem>
#include <fstream>
#include <iomanip>
#include <memory>

namespace sidestep {

namespace detail {

/// A text file that grows by lines.
class LineFile {
 public:
  explicit LineFile(const std::filesystem::path& path);
  void line(Nanoseconds stamp, Sequence number, double value);
  void close();

 private:
  [[noreturn]] void fail(std::string_view what) const;
  std::filesystem::path path_;
  std::ofstream file_;
};

struct ToLog {
  static constexpr std::string_view label = "to_log";
  using is_end = void;
  std::shared_ptr<LineFile> file;
  template <class In>
  requires std::convertible_to<const In&, double>
  using out = void;
  template <class In>
  void operator()(const In& value, auto&& out) {
    file->line(out.stamp(), out.number(), static_cast<double>(value));
  }
  void end(auto&&) { file->close(); }
  void closed() { file->close(); }  // failed, or ended by its handle: what came before is in the file
};

}  // namespace detail

/// Ends a chain: writes each value as a line of a CSV file, `stamp,number,value`, time in ns since 1970.
///
///   in   --1--2--3--|
///   to_log("loss.csv")
///   out  -----------[2,5,8][1,2,3]      the stamps and values of its lines
///
/// An existing file is written anew, once: in a row of stages, all chains that it is put behind write the same
/// one. It blocks, so it stands behind observe_on(io). A file that can't be written fails
/// the pipeline. Keeps the file and its buffer, no value. (What the bus carried itself, `bus.record` writes:
/// docs/log.md.)
detail::ToLog to_log(const std::filesystem::path& path);

}  // namespace sidestep
