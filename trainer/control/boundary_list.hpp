#pragma once

#include <sidestep/trainer/control/checkpoint.hpp>

#include <algorithm>
#include <optional>
#include <vector>

namespace sidestep::detail {

/// The trainer's own list of its boundaries: which event belongs to which. Numbers rise. Kept until every live word has
/// passed.
class BoundaryList {
 public:
  struct Entry {
    Sequence number;  ///< of the last event of the segment
    Step step : 56;
    sidestep::Segment segment : 8;
  };
  static_assert(sizeof(Entry) == 16);

  bool full() const noexcept { return next_ - first_ == ring_.size(); }
  std::size_t size() const noexcept { return next_ - first_; }

  /// Never full here: the caller has made room.
  void push(Sequence number, Step step, sidestep::Segment segment) noexcept {
    ring_[next_++ & (ring_.size() - 1)] = {number, step, segment};
  }

  /// Forgets segments that end at `passed` or before.
  void forget(Sequence passed) noexcept {
    while (first_ != next_ && at(first_).number <= passed) ++first_;
  }
  void grow() {
    std::vector<Entry> more(ring_.size() * 2);
    for (std::size_t i = first_; i != next_; ++i) more[i & (more.size() - 1)] = at(i);
    ring_.swap(more);
  }
  /// The boundary that event `number` belongs to; none: it hasn't come yet.
  std::optional<Entry> of(Sequence number) const noexcept {
    std::size_t low = first_, high = next_;
    while (low != high) {
      const std::size_t middle = low + (high - low) / 2;
      if (at(middle).number < number)
        low = middle + 1;
      else
        high = middle;
    }
    return low == next_ ? std::nullopt : std::optional(at(low));
  }

 private:
  const Entry& at(std::size_t i) const noexcept { return ring_[i & (ring_.size() - 1)]; }

  std::vector<Entry> ring_ = std::vector<Entry>(4096);
  std::size_t first_ = 0, next_ = 0;
};

}  // namespace sidestep::detail
