#pragma once

#include <sidestep/bus/atomics.hpp>

#include <cstdint>

namespace sidestep::detail {

/// How one thread hands work over to whichever thread of an executor takes it: one at a time, in order. `ready_` counts
/// what was handed over and not worked off; whoever raises it from 0 posts the work, whoever brings it to 0 is done:
/// one word, so no wake-up is lost.
template <class Atomics = StdAtomics>
class BasicBacklog {
 public:
  /// Behind what was enqueued: so much more is there. True: the work is to be posted.
  bool announce(std::uint64_t count) noexcept {
    // release: pairs with ready() and worked_off(); whoever sees the count finds what was enqueued
    if (ready_.fetch_add(count, std::memory_order_release) != 0) return false;
    posted_.store(true, std::memory_order_release);  // pairs with take(): whoever takes it sees the count
    return true;
  }
  /// Whoever gets true works, and nobody else does until it has worked all off. False: one that was quicker has the
  /// work, or had it.
  bool take() noexcept { return posted_.exchange(false, std::memory_order_acquire); }  // pairs with announce()
  /// Somebody must run it: advice.
  bool posted() const noexcept { return posted_.load(std::memory_order_relaxed); }
  /// What is there for the one who works. It is 0 for nobody who has taken it.
  std::uint64_t ready() const noexcept {
    // pairs with announce() and worked_off()
    return ready_.load(std::memory_order_acquire);
  }
  /// `count` are done. What is left; behind a 0 another one may work.
  std::uint64_t worked_off(std::uint64_t count) noexcept {
    // acq_rel: acquire as ready(); release pairs with ready() of whoever works next, who finds all that this one did
    return ready_.fetch_add(~count + 1, std::memory_order_acq_rel) - count;
  }

 private:
  typename Atomics::template Atomic<std::uint64_t> ready_{0};
  typename Atomics::template Atomic<bool> posted_{false};
};

/// Who is inside something that is to be destroyed, and whether anybody may still begin: one word, so that of a thread
/// that comes and one that retires it, one sees the other.
template <class Atomics = StdAtomics>
class BasicGate {
 public:
  /// False: it is retired. leave() follows in both cases.
  // see the class' comment
  bool enter() noexcept { return (inside_.fetch_add(1, std::memory_order_relaxed) & retired_bit) == 0; }
  void leave() noexcept { inside_.fetch_add(~std::uint64_t{0}, std::memory_order_release); }  // pairs with empty()
  /// From now on nobody begins. Once or more often.
  void retire() noexcept {
    std::uint64_t seen = inside_.load(std::memory_order_relaxed);  // relaxed, both: see the class' comment
    while ((seen & retired_bit) == 0 &&
           !inside_.compare_exchange_strong(seen, seen | retired_bit, std::memory_order_relaxed)) {
    }
  }
  bool retired() const noexcept {
    // nothing is read behind it
    return (inside_.load(std::memory_order_relaxed) & retired_bit) != 0;
  }
  /// Nobody is inside. Whoever has retired it, and finds it so, finds all that they did.
  // pairs with leave()
  bool empty() const noexcept { return (inside_.load(std::memory_order_acquire) & ~retired_bit) == 0; }

 private:
  static constexpr std::uint64_t retired_bit = std::uint64_t{1} << 63;
  typename Atomics::template Atomic<std::uint64_t> inside_{0};
};

using Backlog = BasicBacklog<>;
using Gate = BasicGate<>;

}  // namespace sidestep::detail
