#pragma once

#include <sidestep/bus/local_socket.hpp>
#include <sidestep/bus/watched_bus.hpp>

#include <chrono>
#include <filesystem>
#include <memory>
#include <utility>

namespace sidestep {

/// Watches a bus of another process, which neither waits for it nor looks at it: whatever becomes of a watcher, the bus
/// goes on as without one. It needs to know none of the bus' types.
///
///   sidestep::Watcher watcher("runs/a");
///   while (!watcher.over()) {
///     watcher.poll([&](const sidestep::LoggedEvent& e) { fmt::print("{}\n", watcher.catalog().type_name(e.type)); });
///     watcher.wait(10ms);
///   }
class Watcher {
 public:
  /// The bus that is shared at `place`: see SharedBus. Begins with the oldest events that its rings still hold. Throws
  /// WatchError.
  explicit Watcher(const std::filesystem::path& place);

  /// As WatchedBus::poll.
  template <class F>
  std::size_t poll(F&& f, std::size_t most = 256) {
    const bool gone = gone_;
    const std::size_t found = bus_.poll(std::forward<F>(f), most);
    over_ = bus_.over() || (gone && found == 0);
    return found;
  }
  /// Until this time is over, or the bus' process is gone.
  void wait(std::chrono::milliseconds time) noexcept;

  /// The bus was closed, or its process is gone, and everything is read that it left.
  bool over() const noexcept { return over_; }
  /// The bus was closed, and not just its process ended.
  bool closed() const noexcept { return bus_.over(); }
  const LogCatalog& catalog() const noexcept { return bus_.catalog(); }
  WatchAccount account() const noexcept { return bus_.account(); }
  /// The number of the bus' process, as it says itself.
  std::uint32_t process() const noexcept { return bus_.process(); }

 private:
  class Mapping {
   public:
    explicit Mapping(const Descriptor& memory);
    Mapping(const Mapping&) = delete;
    ~Mapping();
    std::span<const std::byte> bytes() const noexcept { return {at_, size_}; }

   private:
    const std::byte* at_ = nullptr;
    std::size_t size_ = 0;
  };

  Descriptor socket_;
  Mapping memory_;
  WatchedBus bus_;
  bool gone_ = false, over_ = false;
};

}  // namespace sidestep
