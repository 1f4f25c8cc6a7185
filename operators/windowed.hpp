#pragma once

#include <sidestep/operators/storage.hpp>

#include <optional>

namespace sidestep {

enum class WindowKind { tumbling, timed, sliding, growing };

/// What a window emits: one value that enters it (and in a sliding one perhaps one that leaves), and whether it is
/// complete now. A statistic follows and reduces it, so that the window itself needn't be kept.
template <class V, WindowKind K>
struct Windowed {
  static constexpr WindowKind kind = K;
  const V* enters = nullptr;  ///< null only where a window of time closes, or a value leaves it
  const V* leaves = nullptr;  ///< of sliding windows alone; leaves before `enters` enters
  bool emits = false;         ///< the window is complete with this value
  bool clears = true;         ///< and the next one begins empty
  std::size_t size = 0;       ///< of a sliding window: values that it holds at most; of one of time: its length in ns
};

template <class T>
inline constexpr bool is_windowed = false;
template <class V, WindowKind K>
inline constexpr bool is_windowed<Windowed<V, K>> = true;

namespace detail {

/// Behind observe_on a window's message carries its values along.
template <class V, WindowKind K>
struct StoredWindowed {
  std::optional<Stored<V>> enters, leaves;
  bool emits = false, clears = true;
  std::size_t size = 0;
};
/// The same where what is stored isn't what is seen: an event of several types points to its slot.
template <class V, WindowKind K>
struct StoredWindowedView : StoredWindowed<V, K> {
  mutable std::optional<V> enters_seen, leaves_seen;  // made anew by each load
};
template <class V, WindowKind K>
struct Storage<Windowed<V, K>> {
  using type = StoredWindowedView<V, K>;
  static type store(const Windowed<V, K>& w) {
    type stored;
    stored.emits = w.emits, stored.clears = w.clears, stored.size = w.size;
    if (w.enters != nullptr) stored.enters.emplace(Storage<V>::store(*w.enters));
    if (w.leaves != nullptr) stored.leaves.emplace(Storage<V>::store(*w.leaves));
    return stored;
  }
  static Windowed<V, K> load(const type& s) {
    if (s.enters) s.enters_seen.emplace(Storage<V>::load(*s.enters));
    if (s.leaves) s.leaves_seen.emplace(Storage<V>::load(*s.leaves));
    return {s.enters ? &*s.enters_seen : nullptr, s.leaves ? &*s.leaves_seen : nullptr, s.emits, s.clears, s.size};
  }
};
template <class V, WindowKind K>
requires std::same_as<Stored<V>, V>
struct Storage<Windowed<V, K>> {
  using type = StoredWindowed<V, K>;
  static type store(const Windowed<V, K>& w) {
    type stored{.enters = {}, .leaves = {}, .emits = w.emits, .clears = w.clears, .size = w.size};
    if (w.enters != nullptr) stored.enters = *w.enters;
    if (w.leaves != nullptr) stored.leaves = *w.leaves;
    return stored;
  }
  static Windowed<V, K> load(const type& s) {
    return {s.enters ? &*s.enters : nullptr, s.leaves ? &*s.leaves : nullptr, s.emits, s.clears, s.size};
  }
};

}  // namespace detail
}  // namespace sidestep
