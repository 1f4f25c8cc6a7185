#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <sidestep/bus/log_reader.hpp>

namespace sidestep {

/// Which of a log's events are asked for, as the command line says it.
struct LogSelection {
  std::string from, to;            ///< a step, a time or a number; empty: no bound. Both ends belong to it
  std::string by = "step";         ///< what they are: step, time or sequence
  std::vector<std::string> rings;  ///< by name; none: all
  std::vector<std::string> types;  ///< by name; none: all
};

/// Picks the events of a log that were asked for, and reads no more of it than it must.
class LogPick {
 public:
  /// Moves the log to the first block that may hold one. Throws ConfigError, naming what the log has instead.
  LogPick(LogReader& log, const LogSelection& selection);

  /// Nothing from this block on is wanted.
  bool over(const log_format::BlockHeader& block) const noexcept { return empty_ || block.number > last_block_; }
  bool wants(const LoggedEvent& event);

  /// Calls f with each that is wanted; `between` behind each block.
  template <class F, class Between>
  void for_each(F&& f, Between&& between) {
    while (!empty_ && log_.next_block() && !over(log_.block())) {
      log_.events([&](const LoggedEvent& event) {
        if (wants(event)) f(event);
      });
      between();
    }
  }

 private:
  enum class By : std::uint8_t { step, time, sequence };

  void check_names(const LogSelection& selection);
  std::int64_t bound(const std::string& option, const std::string& text) const;
  void find_last_block();

  LogReader& log_;
  By by_ = By::step;
  bool bounded_ = false, empty_ = false;
  std::int64_t from_, to_;
  std::set<std::uint32_t> rings_;
  std::set<EventId> types_;
  bool all_rings_ = true, all_types_ = true;
  std::int64_t step_;  // of the events so far: one without a step counts to it
  std::uint32_t last_block_ = ~std::uint32_t{0};
};

/// "2026-01-31T23:59:58.123456789Z"
std::string utc(Nanoseconds time);
/// The time that utc() would write so; nothing if it is none. Seconds may have up to nine decimals, or be missing.
std::optional<Nanoseconds> utc_time(const std::string& text);

}  // namespace sidestep
