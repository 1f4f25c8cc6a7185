#pragma once

/// Locks that ThreadSanitizer doesn't see. A lock orders its users; CUDA promises no such order between two streams,
/// and with std::mutex inside the runtime a missing cudaStreamWaitEvent would never be found. So the runtime locks with
/// plain instructions and futex calls, and says itself, with tsan_release and tsan_acquire, which order CUDA promises.

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <cstdint>
#include <utility>

namespace sidestep::emulation::detail {

inline void futex_wait(std::uint32_t* word, std::uint32_t seen) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
}
inline void futex_wake(std::uint32_t* word, int threads) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, threads, nullptr, nullptr, 0);
}

/// A mutex after Drepper, "Futexes are tricky": 0 free, 1 held, 2 held and somebody waits.
class RawMutex {
 public:
  void lock() {
    if (try_lock()) return;
    // acquire: pairs with the release in unlock
    while (__atomic_exchange_n(&word_, 2, __ATOMIC_ACQUIRE) != 0) futex_wait(&word_, 2);
  }
  bool try_lock() {
    std::uint32_t free = 0;
    // acquire: pairs with the release in unlock
    return __atomic_compare_exchange_n(&word_, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
  }
  void unlock() {
    // release: pairs with the acquires above
    if (__atomic_exchange_n(&word_, 0, __ATOMIC_RELEASE) == 2) futex_wake(&word_, 1);
  }

 private:
  std::uint32_t word_ = 0;
};

class RawLock {
 public:
  explicit RawLock(RawMutex& mutex) : mutex_(mutex) { mutex_.lock(); }
  ~RawLock() { mutex_.unlock(); }
  RawLock(const RawLock&) = delete;
  RawLock& operator=(const RawLock&) = delete;

 private:
  RawMutex& mutex_;
};

/// A condition for a RawMutex: a number that changes with every notice.
class RawCondition {
 public:
  template <class Ready>
  void wait(RawMutex& mutex, Ready ready) {
    while (!ready()) {
      // relaxed: read and changed under the mutex
      const std::uint32_t seen = __atomic_load_n(&notices_, __ATOMIC_RELAXED);
      mutex.unlock();
      futex_wait(&notices_, seen);
      mutex.lock();
    }
  }
  /// Under the mutex.
  void notify_all() {
    __atomic_fetch_add(&notices_, 1, __ATOMIC_RELAXED);
    futex_wake(&notices_, INT_MAX);
  }

 private:
  std::uint32_t notices_ = 0;
};

/// A counted pointer; std::shared_ptr's count is an atomic that ThreadSanitizer would see.
template <class T>
class Ref {
 public:
  Ref() = default;
  explicit Ref(T* object) : object_(object) { hold(); }
  Ref(const Ref& other) : object_(other.object_) { hold(); }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    // acq_rel: the last one sees all that the others did before they let go
    if (object_ && __atomic_sub_fetch(&object_->references, 1, __ATOMIC_ACQ_REL) == 0) delete object_;
  }
  T* get() const { return object_; }
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }
  friend bool operator==(const Ref& a, const Ref& b) { return a.object_ == b.object_; }

 private:
  void hold() {
    // relaxed: whoever copies a Ref has one already
    if (object_) __atomic_fetch_add(&object_->references, 1, __ATOMIC_RELAXED);
  }
  T* object_ = nullptr;
};

struct Counted {
  std::uint32_t references = 0;
};

}  // namespace sidestep::emulation::detail
