#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>

namespace sidestep {

/// The real atomics. tests/model/ runs the same code on instrumented ones.
struct StdAtomics {
  template <class T>
  using Atomic = std::atomic<T>;

  template <class T>
  static T load(const T& place, std::memory_order order) noexcept {
    return std::atomic_ref<T>(const_cast<T&>(place)).load(order);
  }
  template <class T>
  static void store(T& place, T value, std::memory_order order) noexcept {
    std::atomic_ref<T>(place).store(value, order);
  }
  /// Returns what was there before.
  template <class T>
  static T add(T& place, T value, std::memory_order order) noexcept {
    return std::atomic_ref<T>(place).fetch_add(value, order);
  }
  /// False: something else was there, and is in `expected` now (relaxed).
  template <class T>
  static bool compare_exchange(T& place, T& expected, T value, std::memory_order order) noexcept {
    return std::atomic_ref<T>(place).compare_exchange_strong(expected, value, order, std::memory_order_relaxed);
  }
  static void fence(std::memory_order order) noexcept { std::atomic_thread_fence(order); }
  /// Plain data, which may be read along with.
  static void copy(std::uint64_t* to, const std::uint64_t* from, std::size_t words) noexcept {
    std::memcpy(to, from, words * sizeof(*to));
  }
};

}  // namespace sidestep
