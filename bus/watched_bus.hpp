#pragma once

#include <sidestep/bus/log_catalog.hpp>
#include <sidestep/bus/shared_layout.hpp>
#include <sidestep/bus/watched_ring.hpp>

#include <span>
#include <stdexcept>
#include <vector>

namespace sidestep {

/// A bus can't be watched. `what()` is one sentence: where, what, the mend.
class WatchError : public std::runtime_error {
 public:
  enum class Kind : std::uint8_t {
    place,      ///< there is no such file or folder
    not_live,   ///< no bus is shared there
    forbidden,  ///< it belongs to another user
    full,       ///< it has as many watchers as it takes
    silent,     ///< its process doesn't answer
    foreign,    ///< what was handed over isn't a bus, or a broken one
    newer,      ///< of a later version of this library
    system,     ///< the system says no
  };
  WatchError(Kind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
  Kind kind() const noexcept { return kind_; }

 private:
  Kind kind_;
};

/// What a watcher has read of a bus, and what it came too late for. Of each ring: every number from the first that was
/// watched is counted once, as seen or as missed.
struct WatchAccount {
  std::uint64_t seen = 0;
  std::uint64_t missed = 0;  ///< overwritten before they were read
  std::uint64_t rings = 0;
  std::uint64_t unshared = 0;  ///< rings that can't be watched: there was no room for them
  std::uint64_t nonsense = 0;  ///< events and rings that make no sense: the other side is broken
};

/// Reads a bus that lies in memory which another process writes as it likes: nothing in it is believed before it is
/// checked, and what was checked isn't read a second time.
class WatchedBus {
 public:
  /// `memory` must stay, and stay readable. Throws WatchError (foreign, newer).
  explicit WatchedBus(std::span<const std::byte> memory);

  /// Calls f(const LoggedEvent&) with what is there, of each ring at most `most`, in order. Returns how many there
  /// were. The event and its body are valid until f returns.
  template <class F>
  std::size_t poll(F&& f, std::size_t most = 256) {
    // then what is found below is all that there will be
    const bool closed = Told<std::uint64_t>::load(header().closed) != 0;
    learn_rings(false);
    std::size_t found = 0;
    bool more = false;
    Slot slot;
    for (WatchedRing<>& ring : rings_) {
      using Look = WatchedRing<>::Look;
      for (std::size_t i = 0; i < most && !ring.over(); ++i) {
        const Look look = ring.next(slot);
        more |= look == Look::missed || i + 1 == most;
        if (look == Look::missed) continue;
        if (look != Look::event) break;
        if (slot.type == 0 || slot.size > Slot::body_size) {
          ++nonsense_;
          continue;
        }
        learn_definitions();
        ++found;
        f(LoggedEvent{.type = slot.type,
                      .size = slot.size,
                      .ring = slot.ring,
                      .sequence = slot.sequence,
                      .stamp = slot.stamp,
                      .body = slot.body});
      }
    }
    over_ = closed && found == 0 && !more;
    return found;
  }

  /// The bus was closed, and everything is read.
  bool over() const noexcept { return over_; }
  const LogCatalog& catalog() const noexcept { return catalog_; }
  WatchAccount account() const noexcept;
  std::uint32_t process() const noexcept { return process_; }
  Nanoseconds began() const noexcept { return began_; }

 private:
  const shared_layout::Header& header() const noexcept {
    return *reinterpret_cast<const shared_layout::Header*>(memory_.data());
  }
  /// `oldest`: they are watched from the oldest event that they still hold, and not from their first.
  void learn_rings(bool oldest);
  void learn_definitions() {
    // a ring's number that was read before saw what its event needs
    const std::uint64_t there = Told<std::uint64_t>::load(header().definitions);
    if (there != definitions_) [[unlikely]]
      read_definitions(there);
  }
  void read_definitions(std::uint64_t there);

  const std::span<const std::byte> memory_;
  std::uint64_t definitions_at_ = 0, definitions_size_ = 0, rings_at_ = 0, most_rings_ = 0;
  std::uint32_t process_ = 0;
  Nanoseconds began_ = 0;
  std::uint64_t entries_ = 0;      // that were looked at
  std::uint64_t definitions_ = 0;  // bytes that were read, or given up
  bool over_ = false;
  std::uint64_t nonsense_ = 0;
  std::vector<WatchedRing<>> rings_;
  LogCatalog catalog_;
};

}  // namespace sidestep
