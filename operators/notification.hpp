#pragma once

#include <sidestep/operators/storage.hpp>

#include <optional>

namespace sidestep {

/// What materialize makes of a stream: a value, or (without one) its completion.
template <class V>
struct Notification {
  std::optional<V> value{};

  bool completed() const noexcept { return !value; }

  friend bool operator==(const Notification&, const Notification&) = default;
  void state(auto& archive) requires Archivable<V> && std::default_initializable<V> {
    bool there = value.has_value();
    archive(there);
    if (!there) return value.reset();
    if (!archive.saving()) value.emplace();
    archive(*value);
  }
};
template <class V>
inline constexpr bool archivable<Notification<V>> = archivable<V>;

namespace detail {

/// One that is only seen (an event of several types) is kept with what it stands for.
template <class V>
requires(!std::same_as<Stored<V>, V>) struct Storage<Notification<V>> {
  using type = Notification<Stored<V>>;
  static type store(const Notification<V>& n) {
    return n.completed() ? type() : type{Stored<V>(Storage<V>::store(*n.value))};
  }
  static Notification<V> load(const type& s) {
    return s.completed() ? Notification<V>() : Notification<V>{Storage<V>::load(*s.value)};
  }
};

template <class N>
struct Notified;
template <class V>
struct Notified<Notification<V>> {
  using type = V;
};

}  // namespace detail
}  // namespace sidestep
