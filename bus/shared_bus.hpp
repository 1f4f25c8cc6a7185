#pragma once

#include <sidestep/bus/ring_memory.hpp>

#include <filesystem>
#include <memory>
#include <stdexcept>

namespace sidestep {

/// A bus can't be shared. `what()` is one sentence.
struct ShareError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Lets other processes of the same user watch a bus: its rings lie in memory that they may map and only read, and that
/// comes to them over a socket which belongs to `place`, a file or folder that exists. See Watcher, docs/watch.md.
///
///   Bus bus({.shared = std::make_shared<SharedBus>("runs/a")});
///
/// It serves one bus. Publishing costs what it does without it. A thread of its own hands the memory over and does
/// nothing else.
class SharedBus final : public RingMemorySource {
 public:
  /// Room for so many bytes of rings; the system gives memory to those that there are. A ring that finds no room isn't
  /// shared.
  static constexpr std::size_t default_room = std::size_t{64} << 20;

  /// Throws ShareError: the system has no such memory or socket, or another bus is shared there.
  explicit SharedBus(const std::filesystem::path& place, std::size_t room = default_room);
  ~SharedBus() override;
  SharedBus(const SharedBus&) = delete;
  SharedBus& operator=(const SharedBus&) = delete;

  RingMemory take(std::size_t capacity, Sequence first, std::uint32_t id, Stream stream,
                  std::string_view name) override;
  void end() noexcept override;
  /// How many watch now.
  std::size_t watchers() const noexcept;

 private:
  class Memory;
  class Door;

  std::shared_ptr<Memory> memory_;  // the rings keep it
  std::unique_ptr<Door> door_;
};

}  // namespace sidestep
