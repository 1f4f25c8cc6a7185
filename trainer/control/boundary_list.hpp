#pragma once

#include <sidestep/trainer/control/checkpoint.hpp>

#include <cstdint>
#include <memory>
#include <optional>

namespace sidestep::detail {

/// The trainer's own list of its boundaries: which event belongs to which. Numbers rise. Kept until every live word has
/// passed.
class BoundaryList {
 public:
  struct Entry {
    Sequence number;  ///< of the last event of the segment
    std::uint64_t step_and_segment;

    Step step() const noexcept { return static_cast<Step>(step_and_segment >> 8); }
    sidestep::Segment segment() const noexcept { return static_cast<sidestep::Segment>(step_and_segment & 0xff); }
  };

  /// Every so many boundaries somebody looks whether there is room for as many more.
  static constexpr std::uint64_t stretch = 64;

  bool sampled() const noexcept { return next_ % stretch == stretch - 1; }  ///< the next one is
  bool full() const noexcept { return next_ + stretch > limit_; }
  std::size_t size() const noexcept { return next_ - first_; }
  std::uint64_t total() const noexcept { return next_; }  ///< boundaries so far, those forgotten too

  Sequence last() const noexcept { return at(next_ - 1).number; }  ///< of the newest; there must be one

  /// Never full here: the caller has made room.
  void push(Sequence number, Step step, sidestep::Segment segment) noexcept {
    ring_[next_++ & mask_] = {number, static_cast<std::uint64_t>(step) << 8 | static_cast<std::uint8_t>(segment)};
  }

  /// Forgets segments that end at `passed` or before.
  void forget(Sequence passed) noexcept {
    while (first_ != next_ && at(first_).number <= passed) ++first_;
    limit_ = first_ + mask_ + 1;
  }
  void grow() {
    const std::uint64_t mask = mask_ * 2 + 1;
    auto more = std::make_unique<Entry[]>(mask + 1);
    for (std::uint64_t i = first_; i != next_; ++i) more[i & mask] = at(i);
    ring_ = std::move(more);
    mask_ = mask;
    limit_ = first_ + mask_ + 1;
  }
  /// The boundary that event `number` belongs to; none: it hasn't come yet.
  std::optional<Entry> of(Sequence number) const noexcept {
    std::uint64_t low = first_, high = next_;
    while (low != high) {
      const std::uint64_t middle = low + (high - low) / 2;
      if (at(middle).number < number)
        low = middle + 1;
      else
        high = middle;
    }
    return low == next_ ? std::nullopt : std::optional(at(low));
  }

 private:
  const Entry& at(std::uint64_t i) const noexcept { return ring_[i & mask_]; }

  std::uint64_t mask_ = 4095;
  std::unique_ptr<Entry[]> ring_ = std::make_unique<Entry[]>(mask_ + 1);
  std::uint64_t first_ = 0, next_ = 0, limit_ = mask_ + 1;
};

}  // namespace sidestep::detail
