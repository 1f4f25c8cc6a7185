#pragma once

#include <sidestep/bus/event.hpp>
#include <sidestep/bus/payload.hpp>
#include <sidestep/operators/stage.hpp>

#include <concepts>

namespace sidestep::detail {

/// How a value of type V is kept beyond the event that it came with.
template <class V>
struct Storage {
  using type = V;
  static const V& store(const V& value) { return value; }
  static const V& load(const V& stored) { return stored; }
};
/// One that carries a payload keeps it. It can't be saved: what it refers to is in no checkpoint.
template <class V>
struct WithPayload {
  V value{};
  Payload payload;
};
template <CarriesPayload V>
struct Storage<V> {
  using type = WithPayload<V>;
  static type store(const V& value) { return {value, value.payload.hold()}; }
  static const V& load(const type& stored) { return stored.value; }
};
template <>
struct Storage<PayloadRef> {
  struct type {
    PayloadRef ref;
    Payload payload;
  };
  static type store(const PayloadRef& ref) { return {ref, ref.hold()}; }
  static const PayloadRef& load(const type& stored) { return stored.ref; }
};
struct NoPayload {};
/// One event of several types. Saved of it is what the run depends on, its type and itself: neither its stamp, nor its
/// number, nor what earlier events have left in its slot, so equal runs have equal files.
template <Event... E>
struct StoredOneOf {
  static constexpr bool carries = (CarriesPayload<E> || ...);
  Slot slot{};  ///< type 0: nothing was stored yet
  [[no_unique_address]] std::conditional_t<carries, Payload, NoPayload> payload;

  StoredOneOf() = default;
  StoredOneOf(const Slot& from) : slot(from) { (keep_payload<E>(), ...); }

  void state(auto& archive) requires(!carries && (archivable<E> && ...)) {
    EventId type = slot.type;
    archive(type);
    if (!archive.saving()) {
      slot = {};
      slot.type = type;
    }
    if (type != 0 && !(is<E>(archive) || ...)) throw ArchiveError("its saved state holds an event of another type.");
  }

 private:
  template <class X>
  void keep_payload() {
    if constexpr (CarriesPayload<X>)
      if (slot.type == event_id<X>) payload = slot.as<X>().payload.hold();
  }
  template <class X>
  bool is(auto& archive) {
    if (slot.type != event_id<X>) return false;
    slot.size = sizeof(X);
    archive(*reinterpret_cast<X*>(slot.body));
    return true;
  }
};
template <Event... E>
struct Storage<OneOf<E...>> {
  using type = StoredOneOf<E...>;
  static const Slot& store(const OneOf<E...>& value) { return value.slot(); }
  static OneOf<E...> load(const type& stored) { return OneOf<E...>(stored.slot); }
};
template <class V>
using Stored = typename Storage<V>::type;
template <class V>
concept Storable = std::is_object_v<Stored<V>> && std::copyable<Stored<V>> && std::default_initializable<Stored<V>>;

/// A value that an operator keeps, or none. Of none nothing is saved but that.
template <class V>
class Kept {
 public:
  explicit operator bool() const noexcept { return there_; }
  SIDESTEP_INLINE void set(const V& value) {
    value_ = Storage<V>::store(value);
    there_ = true;
  }
  SIDESTEP_INLINE void reset() noexcept {
    if constexpr (!std::is_trivially_destructible_v<Stored<V>>) value_ = Stored<V>{};  // it may hold a payload
    there_ = false;
  }
  /// It is gone from here when what follows is called with it.
  SIDESTEP_INLINE Kept take() noexcept {
    Kept taken = std::move(*this);
    reset();
    return taken;
  }
  /// Emits it.
  SIDESTEP_INLINE void emit(auto&& out) {
    const Kept taken = take();
    out(taken.get());
  }
  SIDESTEP_INLINE decltype(auto) get() const { return Storage<V>::load(value_); }
  void state(auto& archive) requires Archivable<Stored<V>> {
    archive(there_);
    if (there_) archive(value_);
  }

 private:
  Stored<V> value_{};
  bool there_ = false;
};

}  // namespace sidestep::detail
