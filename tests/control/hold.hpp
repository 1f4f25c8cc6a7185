#pragma once

#include <sidestep/bus/test_point.hpp>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <vector>

namespace sidestep::test {

/// Holds every thread that comes to a point, until it is let go. Built with SIDESTEP_TEST_POINTS only.
///
///   Hold hold(Point::request_enqueued);
///   ... hold.await(); ...           // somebody stands there
///   hold.let_go();                  // he, and whoever comes later
class Hold {
 public:
  /// `which`: whom (the Subscription, Ring or Loop that the point belongs to); null: everybody. `skip`: the first so
  /// many pass.
  explicit Hold(Point point, std::function<bool(const void*)> which = {}, int skip = 0)
      : point_(point), which_(std::move(which)), skip_(skip) {
    const std::lock_guard lock(mutex());
    all().push_back(this);
    test_hook.store(&arrive, std::memory_order_release);  // pairs with test_point
  }
  ~Hold() {
    let_go();
    std::unique_lock lock(mutex());
    changed().wait(lock, [&] { return held_ == 0; });
    std::erase(all(), this);
    if (all().empty()) test_hook.store(nullptr, std::memory_order_release);
  }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;

  void await() {
    std::unique_lock lock(mutex());
    changed().wait(lock, [&] { return arrivals_ > skip_; });
  }
  bool holds() const {
    const std::lock_guard lock(mutex());
    return held_ > 0;
  }
  void let_go() {
    const std::lock_guard lock(mutex());
    open_ = true;
    changed().notify_all();
  }

 private:
  static std::mutex& mutex() {
    static std::mutex one;
    return one;
  }
  static std::condition_variable& changed() {
    static std::condition_variable one;
    return one;
  }
  static std::vector<Hold*>& all() {
    static std::vector<Hold*> holds;
    return holds;
  }
  static void arrive(Point point, const void* who) {
    std::unique_lock lock(mutex());
    for (std::size_t i = 0; i < all().size(); ++i) {
      Hold& hold = *all()[i];
      if (hold.open_ || hold.point_ != point || (hold.which_ && !hold.which_(who))) continue;
      ++hold.arrivals_;
      changed().notify_all();
      if (hold.arrivals_ <= hold.skip_) continue;
      ++hold.held_;
      changed().wait(lock, [&] { return hold.open_; });
      --hold.held_;
      changed().notify_all();
      return;
    }
  }

  const Point point_;
  const std::function<bool(const void*)> which_;
  const int skip_;
  int arrivals_ = 0, held_ = 0;
  bool open_ = false;
};

}  // namespace sidestep::test
