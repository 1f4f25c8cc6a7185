#pragma once

/// What the runtime says to the sanitizers. It is compiled without them, so that its own locks and stacks don't show;
/// which of them the program has is known when it is linked, by these weak names.

#include <cstddef>

extern "C" {
// NOLINTBEGIN: the sanitizers' own names
__attribute__((weak)) void __sanitizer_start_switch_fiber(void** fake_stack_save, const void* bottom, std::size_t size);
__attribute__((weak)) void __sanitizer_finish_switch_fiber(void* fake_stack, const void** bottom, std::size_t* size);
__attribute__((weak)) void __asan_poison_memory_region(const volatile void* address, std::size_t size);
__attribute__((weak)) void __asan_unpoison_memory_region(const volatile void* address, std::size_t size);
__attribute__((weak)) void* __asan_region_is_poisoned(void* address, std::size_t size);
__attribute__((weak)) void __asan_loadN(void* address, std::size_t size);
__attribute__((weak)) void __asan_storeN(void* address, std::size_t size);
__attribute__((weak)) void* __tsan_get_current_fiber();
__attribute__((weak)) void* __tsan_create_fiber(unsigned flags);
__attribute__((weak)) void __tsan_destroy_fiber(void* fiber);
__attribute__((weak)) void __tsan_switch_to_fiber(void* fiber, unsigned flags);
__attribute__((weak)) void __tsan_acquire(void* address);
__attribute__((weak)) void __tsan_release(void* address);
__attribute__((weak)) void __tsan_read_range(void* address, unsigned long size);
__attribute__((weak)) void __tsan_write_range(void* address, unsigned long size);
__attribute__((weak)) void AnnotateIgnoreReadsBegin(const char* file, int line);
__attribute__((weak)) void AnnotateIgnoreReadsEnd(const char* file, int line);
__attribute__((weak)) void AnnotateIgnoreWritesBegin(const char* file, int line);
__attribute__((weak)) void AnnotateIgnoreWritesEnd(const char* file, int line);
// NOLINTEND
}

namespace sidestep::emulation::detail {

inline bool under_address_sanitizer() { return &__asan_poison_memory_region != nullptr; }
inline bool under_thread_sanitizer() { return &__tsan_create_fiber != nullptr; }

/// Everything before tsan_release(x) in one thread comes before everything after tsan_acquire(x) in another.
inline void tsan_acquire(void* address) {
  if (under_thread_sanitizer()) __tsan_acquire(address);
}
inline void tsan_release(void* address) {
  if (under_thread_sanitizer()) __tsan_release(address);
}

inline void poison(const void* address, std::size_t size) {
  if (under_address_sanitizer()) __asan_poison_memory_region(address, size);
}
inline void unpoison(const void* address, std::size_t size) {
  if (under_address_sanitizer()) __asan_unpoison_memory_region(address, size);
}

/// The runtime's own memory is none of ThreadSanitizer's business: malloc, free and memcpy are its interceptors,
/// though.
class Quiet {
 public:
  Quiet() { begin(); }
  ~Quiet() { end(); }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;

  static void begin() {
    if (!under_thread_sanitizer()) return;
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  }
  static void end() {
    if (!under_thread_sanitizer()) return;
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
};

/// Within Quiet: from here the user's memory is touched.
class Loud {
 public:
  Loud() { Quiet::end(); }
  ~Loud() { Quiet::begin(); }
  Loud(const Loud&) = delete;
  Loud& operator=(const Loud&) = delete;
};

}  // namespace sidestep::emulation::detail
