#pragma once

#include <sidestep/bus/slot.hpp>

#include <memory>
#include <string_view>

namespace sidestep {

enum class Stream : std::uint8_t;

/// What those who read along with a ring are told of it: they have no cursor, and its writer never waits for them.
struct RingTraces {
  Sequence reach = 0;  ///< slots are only written by events before this one
  Sequence end = 0;    ///< the number behind its last event; 0: there may be more
};

/// Where a ring's slots lie.
struct RingMemory {
  std::shared_ptr<Slot[]> slots;  ///< zeros; null: on the heap
  RingTraces* traces = nullptr;   ///< null: nobody reads along
};

/// Where the rings of a bus get their memory from, if not from the heap.
class RingMemorySource {
 public:
  virtual ~RingMemorySource() = default;
  /// For a new ring. What has no slots lies on the heap.
  virtual RingMemory take(std::size_t capacity, Sequence first, std::uint32_t id, Stream stream,
                          std::string_view name) = 0;
  /// The bus is closed.
  virtual void end() noexcept = 0;
};

}  // namespace sidestep
