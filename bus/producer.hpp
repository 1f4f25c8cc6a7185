#pragma once

#include <sidestep/bus/clock.hpp>
#include <sidestep/bus/event.hpp>
#include <sidestep/bus/ring.hpp>

#include <cstring>
#include <memory>

namespace sidestep {

/// Marks the current thread as one of the bus while it lives: publishing from it never waits (a full ring spills).
struct BusThread {
  BusThread() noexcept;
  ~BusThread();
  BusThread(const BusThread&) = delete;
  BusThread& operator=(const BusThread&) = delete;
  static bool current() noexcept;
};

/// Called with each slice of a publisher's wait for room, so that whoever waits can watch deadlines meanwhile.
struct WaitHook {
  void (*slice)(void* self, Nanoseconds waited) = nullptr;
  void* self = nullptr;
};

/// Publishes events to a ring of its own. One thread at a time may use it; leaving loses nothing.
class Producer {
 public:
  Producer() = default;
  Producer(std::shared_ptr<Ring> ring, std::weak_ptr<Dispatcher> bus, const Clock& clock);
  Producer(Producer&&) noexcept = default;
  Producer& operator=(Producer&& other) noexcept;
  ~Producer() { leave(); }

  /// Publishes with the present time. Waits only if the dispatcher is a whole ring behind.
  template <Event E>
  void publish(const E& event) noexcept { publish_at(clock_.now(), event); }

  /// Publishes with a stamp that the caller has: reading a clock costs more than publishing, and events of one moment may share it.
  template <Event E>
  void publish_at(Nanoseconds stamp, const E& event) noexcept {
    Slot* const slot = ring_->claim();
    if (slot == nullptr) [[unlikely]] {
      publish_slow(stamp, E::id, sizeof(E), &event);
      return;
    }
    write(*slot, stamp, E::id, sizeof(E), &event);
    ring_->commit(*slot);
  }

  Nanoseconds now() const noexcept { return clock_.now(); }
  Sequence next() const noexcept { return ring_->next(); }
  const Ring& ring() const noexcept { return *ring_; }
  explicit operator bool() const noexcept { return ring_ != nullptr; }
  void on_wait(WaitHook hook) noexcept { hook_ = hook; }
  /// Who closes the bus waits for its end, or for hold(false), if Bus::on_close's answer says so.
  void hold(bool held) noexcept {
    // release: pairs with the acquire in Dispatcher::close; all that was published is in the ring by then
    ring_->held.store(held, std::memory_order_release);
  }
  /// Ends it; what was published is still delivered.
  void leave() noexcept;

 private:
  static void write(Slot& slot, Nanoseconds stamp, EventId type, std::uint16_t size, const void* body) noexcept {
    slot.stamp = stamp;
    slot.type = type;
    slot.size = size;
    slot.flags = 0;
    std::memcpy(slot.body, body, size);
  }
  void publish_slow(Nanoseconds stamp, EventId type, std::uint16_t size, const void* body) noexcept;
  template <class GivenUp>
  bool wait_for_room(GivenUp given_up) noexcept;

  std::shared_ptr<Ring> ring_;
  std::weak_ptr<Dispatcher> bus_;  // for the slow path: wakes it
  Clock clock_;
  WaitHook hook_;
};

}  // namespace sidestep
