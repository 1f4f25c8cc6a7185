#pragma once

#include <sidestep/bus/event.hpp>
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
template <Event... E>
struct Storage<OneOf<E...>> {
  using type = Slot;
  static const Slot& store(const OneOf<E...>& value) { return value.slot(); }
  static OneOf<E...> load(const Slot& stored) { return OneOf<E...>(stored); }
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
  SIDESTEP_INLINE void reset() noexcept { there_ = false; }
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
