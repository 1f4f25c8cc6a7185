#pragma once

#include <sidestep/bus/bus.hpp>
#include <sidestep/bus/log_reader.hpp>

namespace sidestep {

struct ReplayOptions {
  enum class Speed : std::uint8_t {
    full,  ///< as fast as the bus takes them
    real,  ///< with the pauses that lay between the events
  };
  Speed speed = Speed::full;
};

struct ReplayAccount {
  std::uint64_t events = 0;   ///< published
  std::uint64_t skipped = 0;  ///< of a type that no bus can carry: an id that is too large
  /// Not published: not as long as its type is here, or a name or the description of its type was lost.
  std::uint64_t damaged = 0;
  std::vector<LogDamage> damage;  ///< what couldn't be read
};

/// Publishes what is left of a log, from where its reader stands (`log.rewind()`: all of it), into a bus: each event
/// with its own stamp, through a producer of its ring's name and stream, in the order of that ring. Rings that have
/// both in common share one, and so do those of which the log has lost the name ("?"). On a bus without a thread, which
/// is polled meanwhile, all rings together keep the order of the log. Types that this program doesn't know are
/// published as they are. Waits when the bus does. Returns when the log ends; flushes nothing. Throws LogError
/// (mismatch) before anything is published if a type is here another one, or of another size or layout, than in the
/// log; LogError (refused): before that if a loop is attached to the bus, since the logged trainer's events would drive
/// it, or where the log has more than 128 rings of different names.
ReplayAccount replay(LogReader& log, Bus& bus, ReplayOptions options = {});
ReplayAccount replay(const std::filesystem::path& path, Bus& bus, ReplayOptions options = {});

}  // namespace sidestep
