#pragma once

#include <sidestep/bus/atomics.hpp>
#include <sidestep/bus/types.hpp>

#include <algorithm>
#include <array>
#include <bit>

namespace sidestep {

/// A counter that one thread writes and any thread may read: a monotone lower bound while the writer runs.
template <class Atomics = StdAtomics>
class BasicCounter {
 public:
  // relaxed: readers want a number, not what happened before it; exact counts are read after flush(), which
  // synchronises
  void add(std::uint64_t by) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
  void raise(std::uint64_t to) noexcept {
    if (to > value_.load(std::memory_order_relaxed)) value_.store(to, std::memory_order_relaxed);
  }
  std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }
  void clear() noexcept { value_.store(0, std::memory_order_relaxed); }  ///< its owner is another one from now on

 private:
  typename Atomics::template Atomic<std::uint64_t> value_{0};
};
using Counter = BasicCounter<>;

/// Lengths of time in buckets whose width is at most an eighth of their value; written by one thread.
class Histogram {
 public:
  void record(Nanoseconds value, std::uint64_t times = 1) noexcept {
    const auto v = static_cast<std::uint64_t>(value < 0 ? 0 : value);
    counts_[bucket(v)].add(times);
    total_.add(times);
    max_.raise(v);
  }
  std::uint64_t count() const noexcept { return total_.get(); }
  Nanoseconds max() const noexcept { return static_cast<Nanoseconds>(max_.get()); }
  /// The value below which the share q of all records lies (upper edge of its bucket, at most max()).
  Nanoseconds quantile(double q) const noexcept {
    const auto wanted = static_cast<std::uint64_t>(q * static_cast<double>(count()));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets; ++i)
      if ((seen += counts_[i].get()) > wanted) return std::min(static_cast<Nanoseconds>(upper_edge(i)), max());
    return max();
  }
  void merge(const Histogram& other) noexcept {
    for (std::size_t i = 0; i < buckets; ++i) counts_[i].add(other.counts_[i].get());
    total_.add(other.total_.get());
    max_.raise(other.max_.get());
  }

 private:
  static constexpr std::size_t buckets = 8 * 62;
  static std::size_t bucket(std::uint64_t v) noexcept {
    if (v < 8) return v;
    const int shift = std::bit_width(v) - 4;  // v >> shift lies in [8, 16)
    return static_cast<std::size_t>(shift) * 8 + (v >> shift);
  }
  static std::uint64_t upper_edge(std::size_t i) noexcept {
    if (i < 16) return i;
    const std::size_t shift = i / 8 - 1;
    return ((8 + i % 8 + 1) << shift) - 1;
  }
  std::array<Counter, buckets> counts_;
  Counter total_, max_;
};

/// What handling events has cost, on one thread.
struct Meter {
  Counter cpu_ns;       ///< time spent in handlers
  Counter max_backlog;  ///< most events taken, or queued, before the handler had caught up
  Histogram delay;      ///< from an event's stamp to its handling

  void merge(const Meter& other) noexcept {
    cpu_ns.add(other.cpu_ns.get());
    max_backlog.raise(other.max_backlog.get());
    delay.merge(other.delay);
  }
};

}  // namespace sidestep
