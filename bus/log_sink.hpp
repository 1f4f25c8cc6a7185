#pragma once

#include <sidestep/bus/log_catalog.hpp>
#include <sidestep/bus/log_writer.hpp>

namespace sidestep {

/// Writes a log on the calling thread: a part of another one, say. What was defined comes before what is added.
/// Each call throws LogError (file) when the disk says no; the log is whole to its last block then.
class LogSink {
 public:
  /// Makes the file; it must not exist. `began`: the time that the log says it began at.
  LogSink(const std::filesystem::path& path, Nanoseconds began, int compression = 0);

  void define(const LoggedType& type);
  void define(const LoggedRing& ring);
  void define_name(std::uint32_t id, std::string_view text);
  void define(const LogCatalog& catalog);  ///< all of it
  void add(const LoggedEvent& event);
  /// Writes what is left and says that the log ends here. Without it the log looks like one of a killed process.
  void close();

  std::uint64_t events() const noexcept { return events_ + in_block_; }
  std::uint64_t bytes() const noexcept { return file_.bytes(); }

 private:
  void put(const std::vector<std::byte>& definition);
  void write(bool is_last);

  LogFile file_;
  const log_format::LogIdentity identity_;
  const int compression_;
  const std::unique_ptr<LogBlock> block_, scratch_;
  LogBlockFiller filler_;
  LogCatalog catalog_;  // for the steps
  std::uint32_t number_ = 0;
  std::uint64_t events_ = 0, in_block_ = 0;
};

}  // namespace sidestep
