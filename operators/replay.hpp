#pragma once

#include <sidestep/operators/queue.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace sidestep {

/// See replay().
template <class V>
class Replay {
 public:
  explicit Replay(std::int64_t n) : kept_(std::make_shared<Kept>(n)) {}

  void operator()(const V& value) {
    const std::lock_guard lock(kept_->mutex);
    if (kept_->last.full()) kept_->last.pop();
    kept_->last.push(value);
    for (const auto& f : kept_->later) f(value);
  }
  std::vector<V> values() const {
    const std::lock_guard lock(kept_->mutex);
    std::vector<V> all;
    for (std::size_t i = 0; i < kept_->last.size(); ++i) all.push_back(kept_->last.at(i));
    return all;
  }
  /// f mustn't call this object.
  void subscribe(std::function<void(const V&)> f) {
    const std::lock_guard lock(kept_->mutex);
    for (std::size_t i = 0; i < kept_->last.size(); ++i) f(kept_->last.at(i));
    kept_->later.push_back(std::move(f));
  }

 private:
  static_assert(std::same_as<detail::Stored<V>, V>,
                "replay keeps values that stand for themselves: map a OneOf to what you need of it");
  struct Kept {
    explicit Kept(std::int64_t n) : last(n >= 1 ? n : (detail::refuse("replay", n, "n must be at least 1"), n)) {}
    std::mutex mutex;
    detail::Queue<V> last;
    std::vector<std::function<void(const V&)>> later;
  };
  std::shared_ptr<Kept> kept_;
};

/// Keeps the last n values of a chain for those who come later: a plot that is opened in mid-run, a status page.
///
///   in   -1--2--3--|
///   tap(replay<double>(2))
///   out  -1--2--3--|      and it holds 2, 3
///
/// A functor for subscribe(...) or tap(...); copies share what they keep. `values()` and `subscribe(f)` are for any
/// thread; f gets what is kept at once, on the calling thread, and then each value that comes, on the chain's. Keeps n
/// values, guarded by a mutex that nobody holds for longer than a copy or f takes. Semantics: RxJava 3 `replay(n)`.
template <class V>
Replay<V> replay(std::int64_t n) {
  return Replay<V>(n);
}

}  // namespace sidestep
