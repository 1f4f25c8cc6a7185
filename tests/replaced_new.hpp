#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

/// Every form of operator new and delete, in place of the standard library's (and of a sanitizer's: a form left out
/// would hand memory of the one to the other). The one file of a binary that includes this says what they do, mostly by
/// counting.
namespace sidestep::test {

/// Null where there is no more. `alignment` is that of max_align_t unless asked for another.
void* take_memory(std::size_t bytes, std::size_t alignment);
/// `memory` may be null.
void give_memory(void* memory) noexcept;

inline void* aligned_memory(std::size_t bytes, std::size_t alignment) {
  return std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment + (bytes == 0 ? alignment : 0));
}

inline void* memory_or_throw(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
  if (void* const memory = take_memory(bytes, alignment)) return memory;
  throw std::bad_alloc();
}

}  // namespace sidestep::test

// Not inlined: a compiler that sees malloc's memory go to operator delete warns.
#define SIDESTEP_REPLACED [[gnu::noinline]]
SIDESTEP_REPLACED void* operator new(std::size_t n) { return sidestep::test::memory_or_throw(n); }
SIDESTEP_REPLACED void* operator new[](std::size_t n) { return sidestep::test::memory_or_throw(n); }
SIDESTEP_REPLACED void* operator new(std::size_t n, std::align_val_t at) {
  return sidestep::test::memory_or_throw(n, std::size_t(at));
}
SIDESTEP_REPLACED void* operator new[](std::size_t n, std::align_val_t at) {
  return sidestep::test::memory_or_throw(n, std::size_t(at));
}
SIDESTEP_REPLACED void* operator new(std::size_t n, const std::nothrow_t&) noexcept {
  return sidestep::test::take_memory(n, alignof(std::max_align_t));
}
SIDESTEP_REPLACED void* operator new[](std::size_t n, const std::nothrow_t&) noexcept {
  return sidestep::test::take_memory(n, alignof(std::max_align_t));
}
SIDESTEP_REPLACED void* operator new(std::size_t n, std::align_val_t at, const std::nothrow_t&) noexcept {
  return sidestep::test::take_memory(n, std::size_t(at));
}
SIDESTEP_REPLACED void* operator new[](std::size_t n, std::align_val_t at, const std::nothrow_t&) noexcept {
  return sidestep::test::take_memory(n, std::size_t(at));
}
SIDESTEP_REPLACED void operator delete(void* memory) noexcept { sidestep::test::give_memory(memory); }
SIDESTEP_REPLACED void operator delete[](void* memory) noexcept { sidestep::test::give_memory(memory); }
SIDESTEP_REPLACED void operator delete(void* memory, std::size_t) noexcept { sidestep::test::give_memory(memory); }
SIDESTEP_REPLACED void operator delete[](void* memory, std::size_t) noexcept { sidestep::test::give_memory(memory); }
SIDESTEP_REPLACED void operator delete(void* memory, std::align_val_t) noexcept { sidestep::test::give_memory(memory); }
SIDESTEP_REPLACED void operator delete[](void* memory, std::align_val_t) noexcept {
  sidestep::test::give_memory(memory);
}
SIDESTEP_REPLACED void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  sidestep::test::give_memory(memory);
}
SIDESTEP_REPLACED void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  sidestep::test::give_memory(memory);
}
SIDESTEP_REPLACED void operator delete(void* memory, const std::nothrow_t&) noexcept {
  sidestep::test::give_memory(memory);
}
SIDESTEP_REPLACED void operator delete[](void* memory, const std::nothrow_t&) noexcept {
  sidestep::test::give_memory(memory);
}
SIDESTEP_REPLACED void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  sidestep::test::give_memory(memory);
}
SIDESTEP_REPLACED void operator delete[](void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  sidestep::test::give_memory(memory);
}
#undef SIDESTEP_REPLACED
