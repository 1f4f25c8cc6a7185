#pragma once

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <sidestep/kernels/emulation/raw.hpp>

namespace sidestep::emulation {

/// Prepared computations, kept by shape and lent to one stream at a time.
///
/// Its lock is made of compiler builtins on purpose: this folder is compiled without sanitizers, so ThreadSanitizer
/// sees no order between two streams that use the same shape, as there is none on a device. A std::mutex would hide
/// their races.
template <class Key, class Instance>
class InstancePool {
 public:
  /// Runs `use(instance)`, with an instance of its own; `make()` makes one (unique_ptr) if none is idle.
  template <class Make, class Use>
  void with(const Key& key, Make&& make, Use&& use) {
    std::unique_ptr<Instance> instance = take(key);
    if (!instance) instance = make();
    use(*instance);
    give_back(key, std::move(instance));
  }

 private:
  static constexpr std::size_t most_idle = 256;

  std::unique_ptr<Instance> take(const Key& key) {
    const detail::RawLock lock(mutex_);
    auto found = idle_.find(key);
    if (found == idle_.end() || found->second.empty()) return nullptr;
    auto instance = std::move(found->second.back());
    found->second.pop_back();
    --count_;
    return instance;
  }

  void give_back(const Key& key, std::unique_ptr<Instance> instance) {
    const detail::RawLock lock(mutex_);
    if (count_ >= most_idle) {
      idle_.clear();
      count_ = 0;
    }
    idle_[key].push_back(std::move(instance));
    ++count_;
  }

  std::map<Key, std::vector<std::unique_ptr<Instance>>> idle_;
  std::size_t count_ = 0;
  detail::RawMutex mutex_;
};

}  // namespace sidestep::emulation
