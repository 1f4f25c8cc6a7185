#pragma once

#include <sidestep/bus/bus.hpp>
#include <sidestep/bus/wait_clock.hpp>

#include <array>
#include <cstdint>

namespace sidestep {

class Dispatcher;

/// For somebody who waits for a bus' dispatchers: gives the bus up when one of them has stood in a handler for the
/// deadline. Needs no memory: a publisher that waits for room may find none.
class HangWatch {
 public:
  explicit HangWatch(Dispatcher& bus);
  /// Again and again while he waits. The handler that hangs is failed, and named.
  void look();

 private:
  struct Seen {
    std::uint64_t beat = 0;
    Nanoseconds stands = 0;
  };
  Dispatcher& bus_;
  std::array<Seen, most_dispatchers> seen_{};  // of each
  std::uint64_t signs_;
  WaitClock waited_;
};

}  // namespace sidestep
