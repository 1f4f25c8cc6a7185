#pragma once

#include <sidestep/bus/clock.hpp>
#include <sidestep/bus/event.hpp>
#include <sidestep/bus/refused.hpp>
#include <sidestep/bus/ring.hpp>

#include <cstring>
#include <memory>
#include <span>

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

template <Event E>
class Reserved;

/// Publishes events to a ring of its own. One thread at a time may use it; leaving loses nothing.
class Producer : detail::RefusesOthers {
 public:
  Producer() = default;
  Producer(std::shared_ptr<Ring> ring, std::weak_ptr<Dispatcher> bus, const Clock& clock);
  Producer(Producer&&) noexcept = default;
  Producer& operator=(Producer&& other) noexcept;
  ~Producer() { leave(); }

  using RefusesOthers::publish;

  /// Publishes with the present time. Waits only if the dispatcher is a whole ring behind.
  template <Event E>
  void publish(const E& event) noexcept {
    publish_at(clock_.now(), event);
  }

  /// Publishes with a stamp that the caller has: reading a clock costs more than publishing, and events of one moment
  /// may share it.
  template <Event E>
  void publish_at(Nanoseconds stamp, const E& event) noexcept {
    if constexpr (CarriesPayload<E>)
      if (ring_->over()) [[unlikely]]
        return ring_->swallowed.add(1);  // nobody would let its payload go
    if (Slot* const slot = ring_->claim()) [[likely]]
      return put(*slot, stamp, event);
    if constexpr (CarriesPayload<E>)
      publish_with_payload(stamp, event);
    else
      publish_slow(stamp, event_id<E>, sizeof(E), &event);
  }
  /// Several of one moment.
  template <Event E>
  void publish_n(Nanoseconds stamp, std::span<const E> events) noexcept {
    for (const E& event : events) publish_at(stamp, event);
  }
  template <Event E>
  void publish_n(std::span<const E> events) noexcept {
    publish_n(clock_.now(), events);
  }
  /// Publishes if there is room now. False: the dispatcher is a whole ring behind. On a closed bus there always is
  /// room: it is counted, as publish's.
  template <Event E>
  [[nodiscard]] bool try_publish_at(Nanoseconds stamp, const E& event) noexcept {
    if constexpr (CarriesPayload<E>)
      if (swallows()) [[unlikely]]
        return true;
    Slot* slot = ring_->claim();
    if (slot == nullptr) [[unlikely]]
      if ((slot = ring_->claim_slow()) == nullptr) return swallows();
    put(*slot, stamp, event);
    return true;
  }
  template <Event E>
  [[nodiscard]] bool try_publish(const E& event) noexcept {
    return try_publish_at(clock_.now(), event);
  }
  /// An event to be filled in where it will lie: `auto e = producer.reserve<BatchEnd>(); e->loss = 0.1; e.commit();`
  template <Event E>
  Reserved<E> reserve() noexcept {
    return Reserved<E>(*this);
  }

  /// An event whose type this program may not know, from 40 bytes that hold it: what a log's replay publishes. As
  /// publish_at. `change(bytes)` may change them where they will lie, and says false if nothing is to be published:
  /// then this does.
  template <class Change>
  bool publish_bytes(Nanoseconds stamp, EventId type, std::uint16_t size, const std::byte* body,
                     Change&& change) noexcept {
    Slot* const slot = ring_->claim();
    if (slot == nullptr) [[unlikely]] {
      std::byte changed[Slot::body_size];
      std::memcpy(changed, body, sizeof changed);
      if (!change(changed)) return false;
      publish_slow(stamp, type, size, changed);
      return true;
    }
    slot->stamp = stamp;
    slot->type = type;
    slot->size = static_cast<std::uint8_t>(size);
    slot->ring = ring_->id();
    std::memcpy(slot->body, body, Slot::body_size);
    if (!change(slot->body)) return false;
    ring_->commit(*slot);
    return true;
  }

  Nanoseconds now() const noexcept { return clock_.now(); }
  Sequence next() const noexcept { return ring_->next(); }
  const Ring& ring() const noexcept { return *ring_; }
  explicit operator bool() const noexcept { return ring_ != nullptr; }
  bool bus_is_gone() const noexcept { return bus_.expired(); }
  void on_wait(WaitHook hook) noexcept { hook_ = hook; }
  /// Who closes the bus waits for its end, or for hold(false), if Bus::on_close's answer says so.
  void hold(bool held) noexcept { ring_->hold(held); }
  /// Ends it; what was published is still delivered.
  void leave() noexcept;

 private:
  template <Event E>
  friend class Reserved;

  template <Event E>
  void put(Slot& slot, Nanoseconds stamp, const E& event) noexcept {
    (void)detail::published<E>;  // enters the type into the registry before main()
#ifdef SIDESTEP_STREAMING_STORES
    if constexpr (SelfContained<E>)
      if (ring_->streams(stamp)) return ring_->commit_streaming(slot, stamp, event_id<E>, sizeof(E), words_of(event));
#endif
    write(slot, ring_->id(), stamp, event_id<E>, sizeof(E), &event);
    if constexpr (CarriesPayload<E>) take_payload(*reinterpret_cast<E*>(slot.body));
    ring_->commit(slot);
  }
  /// For each of the bus' dispatchers a reference: each gives it back behind its last look at the event.
  template <CarriesPayload E>
  void take_payload(E& event) noexcept {
    if (detail::published<E> != nullptr)
      detail::PayloadAccess::take(event.payload, ring_->readers());
    else
      detail::PayloadAccess::empty(event.payload);  // another type has its id: nobody would give it back
  }
  template <CarriesPayload E>
  void publish_with_payload(Nanoseconds stamp, E event) noexcept {
    take_payload(event);
    if (!publish_slow(stamp, event_id<E>, sizeof(E), &event))
      detail::PayloadAccess::drop(event.payload, ring_->readers());
  }
  static void write(Slot& slot, std::uint32_t ring, Nanoseconds stamp, EventId type, std::uint16_t size,
                    const void* body) noexcept {
    slot.stamp = stamp;
    slot.type = type;
    slot.size = static_cast<std::uint8_t>(size);
    slot.ring = ring;
    std::memcpy(slot.body, body, size);
  }
  /// True: nobody reads the ring any more, and one more is counted.
  bool swallows() noexcept {
    if (!ring_->over()) return false;
    ring_->swallowed.add(1);
    return true;
  }
  bool publish_slow(Nanoseconds stamp, EventId type, std::uint16_t size, const void* body) noexcept;
  bool spill(const Slot& slot, bool first) noexcept;
  Slot* wait_for_slot() noexcept;

  std::shared_ptr<Ring> ring_;
  std::weak_ptr<Dispatcher> bus_;  // for the slow path: wakes it
  Clock clock_;
  WaitHook hook_;
};

/// An event that is being filled in: in its slot, or on the side where it will be streamed or the ring is full. Nothing
/// else may be published by its producer meanwhile. One that is dropped uncommitted was never published.
template <Event E>
class Reserved {
 public:
  E& operator*() noexcept { return *event_; }
  E* operator->() noexcept { return event_; }

  void commit() noexcept { commit_at(producer_.now()); }
  void commit_at(Nanoseconds stamp) noexcept {
    if (slot_ == nullptr) return producer_.publish_at(stamp, *event_);
    slot_->stamp = stamp;
    slot_->type = event_id<E>;
    slot_->size = sizeof(E);
    slot_->ring = producer_.ring_->id();
    if constexpr (CarriesPayload<E>) {
      if (producer_.ring_->over()) [[unlikely]]
        return producer_.ring_->swallowed.add(1);
      producer_.take_payload(*event_);
    }
    producer_.ring_->commit(*slot_);
  }

 private:
  friend class Producer;
  explicit Reserved(Producer& producer) noexcept : producer_(producer) {
    (void)detail::published<E>;
    bool aside = false;
#ifdef SIDESTEP_STREAMING_STORES
    aside = SelfContained<E> && producer.ring_->may_stream();
#endif
    if (!aside) slot_ = producer.ring_->claim();
    event_ = slot_ != nullptr ? std::construct_at(reinterpret_cast<E*>(slot_->body)) : std::construct_at(&aside_);
  }
  Reserved(const Reserved&) = delete;
  Reserved& operator=(const Reserved&) = delete;

  Producer& producer_;
  Slot* slot_ = nullptr;
  E* event_;
  union {
    E aside_;
  };
};

}  // namespace sidestep
