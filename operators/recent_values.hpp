#pragma once

#include <sidestep/operators/storage.hpp>

#include <cstdint>
#include <vector>

namespace sidestep::detail {

/// The last n values that came, in a ring; allocates when it is made. n may be 0 only where nothing is pushed.
template <class V>
class RecentValues {
 public:
  explicit RecentValues(std::int64_t n) : ring_(static_cast<std::size_t>(n)) {}

  bool full() const noexcept { return count_ == ring_.size(); }
  SIDESTEP_INLINE void push(const V& value) {
    ring_[next_] = Storage<V>::store(value);
    if (++next_ == ring_.size()) next_ = 0;
    if (!full()) [[unlikely]]
      ++count_;
  }
  /// Of a full ring.
  SIDESTEP_INLINE decltype(auto) oldest() const { return Storage<V>::load(ring_[next_]); }
  /// Calls f with each, the oldest first.
  void each(auto&& f) const {
    std::size_t at = full() ? next_ : 0;
    for (std::size_t i = 0; i < count_; ++i) {
      f(Storage<V>::load(ring_[at]));
      if (++at == ring_.size()) at = 0;
    }
  }
  void state(auto& archive) requires Archivable<Stored<V>> {
    const std::size_t size = ring_.size();
    archive(count_, next_, ring_);
    if (ring_.size() != size || count_ > size || (count_ < size ? next_ != count_ : next_ >= size && next_ != 0))
      throw ArchiveError("the state of the last values is of another length.");
  }

 private:
  std::vector<Stored<V>> ring_;
  std::size_t count_ = 0, next_ = 0;
};

/// What skip_last and take_last are behind a stage that emits V.
template <class V>
struct OfRecentValues {
  std::int64_t n;
  RecentValues<V> newest;
  OfRecentValues(std::int64_t last, std::int64_t kept) : n(last), newest(kept) {}

  template <class In>
  using out = In;
  void state(auto& archive) requires Archivable<Stored<V>> { newest.state(archive); }
  void arguments(auto& show) const { show(n); }
};

/// And before they know it.
template <template <class> class Stage>
struct OfTheLast {
  std::int64_t n;
  OfTheLast(std::string_view name, std::int64_t last) : n(last) {
    if (n < 0 || n > std::int64_t{1} << 30) refuse(name, n, "n must lie between 0 and 2^30");
  }
  template <class In>
  requires Storable<In>
  auto place() && { return Stage<In>(n); }
};

}  // namespace sidestep::detail
