#pragma once

#include <sidestep/bus/atomics.hpp>

#include <cstdint>

namespace sidestep {

/// A value by which one thread tells others something: who loads it finds what was written before it was stored.
template <class T, class Atomics = StdAtomics>
class BasicTold {
 public:
  constexpr explicit BasicTold(T first = {}) noexcept : value_(first) {}
  void store(T value) noexcept { store(value_, value); }
  T load() const noexcept { return load(value_); }
  /// The value alone, for who stores it, or needs nothing behind it.
  T glance() const noexcept { return Atomics::load(value_, std::memory_order_relaxed); }

  // The same in memory that others have too.
  // pairs with load()
  static void store(T& place, T value) noexcept { Atomics::store(place, value, std::memory_order_release); }
  // pairs with store()
  static T load(const T& place) noexcept { return Atomics::load(place, std::memory_order_acquire); }

 private:
  T value_;
};

template <class T>
using Told = BasicTold<T>;

/// Counts changes, for those who look often whether there was one.
template <class Atomics = StdAtomics>
class BasicVersion {
 public:
  /// Behind the change. Its number.
  std::uint64_t changed() noexcept {
    // pairs with number()
    return number_.fetch_add(1, std::memory_order_release) + 1;
  }
  /// Whoever sees a number sees its change. And whoever was told of a change, by any means that orders, sees its number
  /// or a later one.
  std::uint64_t number() const noexcept { return number_.load(std::memory_order_acquire); }

 private:
  typename Atomics::template Atomic<std::uint64_t> number_{0};
};

using Version = BasicVersion<>;

/// How something runs, or came to its end: once, for good. `running` is the first of its states.
template <class State, class Atomics = StdAtomics>
class BasicLife {
 public:
  /// Behind the last that it does. False: it has come to its end before.
  bool end(State how) noexcept {
    State was{};
    return state_.compare_exchange_strong(was, how, std::memory_order_release);  // pairs with state()
  }
  /// Whoever finds it ended finds all that it did.
  State state() const noexcept { return state_.load(std::memory_order_acquire); }  // pairs with end()
  /// For a thread that runs it, and looks again and again.
  // relaxed: nothing is read behind it
  bool seems_to_run() const noexcept { return state_.load(std::memory_order_relaxed) == State{}; }

 private:
  typename Atomics::template Atomic<State> state_{State{}};
};

}  // namespace sidestep
