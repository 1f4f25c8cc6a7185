#pragma once

#include <sidestep/operators/storage.hpp>

#include <cstdint>
#include <utility>
#include <vector>

namespace sidestep::detail {

/// At most `capacity` values, first in, first out. Allocated when it is made; saved of it is what waits.
template <class V>
class Queue {
 public:
  explicit Queue(std::int64_t capacity) : ring_(static_cast<std::size_t>(capacity)) {}

  bool empty() const noexcept { return count_ == 0; }
  bool full() const noexcept { return count_ == ring_.size(); }
  std::size_t size() const noexcept { return count_; }
  std::size_t capacity() const noexcept { return ring_.size(); }
  void push(const V& value) {
    place(count_) = Storage<V>::store(value);
    ++count_;
  }
  Stored<V> pop() {
    Stored<V> value = std::exchange(ring_[first_], Stored<V>{});
    first_ = first_ + 1 == ring_.size() ? 0 : first_ + 1;
    --count_;
    return value;
  }
  decltype(auto) front() const { return Storage<V>::load(ring_[first_]); }
  /// The i-th that waits, counted from 0.
  Stored<V>& at(std::size_t i) { return place(i); }
  void clear() {
    while (!empty()) pop();
  }
  void state(auto& archive) requires Archivable<Stored<V>> {
    std::vector<Stored<V>> waiting;
    if (archive.saving())
      for (std::size_t i = 0; i < count_; ++i) waiting.push_back(place(i));
    archive(waiting);
    if (archive.saving()) return;
    if (waiting.size() > ring_.size()) throw ArchiveError("more values wait in its saved state than have room.");
    first_ = 0, count_ = waiting.size();
    std::move(waiting.begin(), waiting.end(), ring_.begin());
  }

 private:
  Stored<V>& place(std::size_t i) {
    const std::size_t at = first_ + i;
    return ring_[at < ring_.size() ? at : at - ring_.size()];
  }
  std::vector<Stored<V>> ring_;
  std::size_t first_ = 0, count_ = 0;
};

}  // namespace sidestep::detail
