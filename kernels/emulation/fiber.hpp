#pragma once

/// A stack of its own that one OS thread switches to and from: where a CUDA thread lives that waits for others.

#include <cstddef>
#include <boost/context/detail/fcontext.hpp>

#include <sidestep/kernels/emulation/sanitizer.hpp>

namespace sidestep::emulation::detail {

class Fiber {
 public:
  /// The stack that the OS thread runs on already.
  Fiber() = default;
  /// A new stack, with a guard page below it. `entry` never returns.
  explicit Fiber(void (*entry)());
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Leaves this fiber, which is running, for another; returns when somebody switches back.
  void switch_to(Fiber& other) {
    constexpr unsigned no_sync = 1;  // switching orders nothing: CUDA's threads are not ordered by it either
    Switch both{this, &other};
    if (under_thread_sanitizer()) __tsan_switch_to_fiber(other.tsan_, no_sync);
    if (under_address_sanitizer()) __sanitizer_start_switch_fiber(&fake_stack_, other.bottom_, other.size_);
    arrived(boost::context::detail::jump_fcontext(other.context_, &both));
  }

  /// Forgets what a suspended fiber was doing: it begins anew. Nothing on its stack is destroyed.
  void reset();

  /// For a fiber that is the OS thread's own stack, before the first switch: who it is to ThreadSanitizer.
  void adopt_thread() {
    if (under_thread_sanitizer()) tsan_ = __tsan_get_current_fiber();
  }

  bool owns_guard(const void* address) const;

 private:
  friend void fiber_begins(boost::context::detail::transfer_t from);
  struct Switch {
    Fiber* from;
    Fiber* to;
  };
  void arrived(boost::context::detail::transfer_t from) {
    Fiber* left = static_cast<Switch*>(from.data)->from;
    left->context_ = from.fctx;
    if (under_address_sanitizer()) tell_sanitizer(*left);
  }
  void tell_sanitizer(Fiber& left);

  boost::context::detail::fcontext_t context_ = nullptr;
  void (*entry_)() = nullptr;
  std::byte* mapping_ = nullptr;
  const void* bottom_ = nullptr;
  std::size_t size_ = 0;
  std::size_t color_ = 0;
  void* fake_stack_ = nullptr;  // AddressSanitizer's, while suspended
  void* tsan_ = nullptr;
};

}  // namespace sidestep::emulation::detail
