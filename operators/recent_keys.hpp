#pragma once

#include <sidestep/operators/stage.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <vector>

namespace sidestep::detail {

/// The last n different keys, in the order in which they came; the oldest leaves for a new one.
/// Open addressing with linear probing and backward-shift deletion; allocates when it is made.
template <class Key>
class RecentKeys {
 public:
  explicit RecentKeys(std::size_t n) : keys_(n), table_(std::bit_ceil(2 * n), none), mask_(table_.size() - 1) {}

  /// True if it wasn't there.
  bool insert(const Key& key) {
    if (find(key) != none) return false;
    if (count_ == keys_.size())
      erase(next_);
    else
      ++count_;
    keys_[next_] = key;
    enter(next_);
    next_ = next_ + 1 == keys_.size() ? 0 : next_ + 1;
    return true;
  }

  void state(auto& archive) {
    const std::size_t size = keys_.size();
    archive(count_, next_, keys_);
    if (archive.saving()) return;
    if (keys_.size() != size || count_ > size || next_ >= size)
      throw ArchiveError("the state of distinct is of another length.");
    std::fill(table_.begin(), table_.end(), none);
    for (std::uint32_t i = 0; i < count_; ++i) enter(i);
  }

 private:
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  std::size_t home(const Key& key) const {
    // Fibonacci hashing: std::hash of an integer is the integer
    return (std::hash<Key>{}(key)*0x9e3779b97f4a7c15ULL >> 32) & mask_;
  }
  std::uint32_t find(const Key& key) const {
    for (std::size_t at = home(key);; at = (at + 1) & mask_) {
      if (table_[at] == none) return none;
      if (keys_[table_[at]] == key) return table_[at];
    }
  }
  void enter(std::uint32_t index) {
    std::size_t at = home(keys_[index]);
    while (table_[at] != none) at = (at + 1) & mask_;
    table_[at] = index;
  }
  void erase(std::uint32_t index) {
    std::size_t hole = home(keys_[index]);
    while (table_[hole] != index) hole = (hole + 1) & mask_;
    for (std::size_t at = (hole + 1) & mask_; table_[at] != none; at = (at + 1) & mask_) {
      const std::size_t wanted = home(keys_[table_[at]]);
      if (((at - wanted) & mask_) < ((at - hole) & mask_)) continue;  // it would come before its home
      table_[hole] = table_[at];
      hole = at;
    }
    table_[hole] = none;
  }

  std::vector<Key> keys_;             // a ring
  std::vector<std::uint32_t> table_;  // index into keys_, or none
  std::size_t mask_;
  std::uint32_t count_ = 0, next_ = 0;
};

}  // namespace sidestep::detail
