#include <sidestep/kernels/emulation/fiber.hpp>

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace sidestep::emulation::detail {
namespace {

using boost::context::detail::make_fcontext;
using boost::context::detail::transfer_t;

constexpr std::size_t guard = 4096;

/// Sanitizers' frames are larger.
std::size_t stack_size() {
  return under_address_sanitizer() || under_thread_sanitizer() ? std::size_t{256} << 10 : std::size_t{128} << 10;
}

/// Stacks are used from their tops, and all tops would have the same place in the cache: each begins a little lower
/// than the one made before it.
std::size_t next_color() {
  static std::uint32_t made = 0;
  // relaxed: any number will do
  return __atomic_fetch_add(&made, 1, __ATOMIC_RELAXED) % 61 * 64;
}

}  // namespace

void fiber_begins(transfer_t from) {
  Fiber* self = static_cast<Fiber::Switch*>(from.data)->to;
  self->arrived(from);
  self->entry_();
}

Fiber::Fiber(void (*entry)()) : entry_(entry), size_(stack_size()), color_(next_color()) {
  void* mapped =
      mmap(nullptr, guard + size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  mapping_ = static_cast<std::byte*>(mapped);
  mprotect(mapping_, guard, PROT_NONE);
  bottom_ = mapping_ + guard;
  reset();
}

Fiber::~Fiber() {
  if (!mapping_) return;
  if (tsan_) __tsan_destroy_fiber(tsan_);
  unpoison(bottom_, size_);
  munmap(mapping_, guard + size_);
}

void Fiber::reset() {
  if (tsan_) __tsan_destroy_fiber(tsan_);
  if (under_thread_sanitizer()) tsan_ = __tsan_create_fiber(0);
  unpoison(bottom_, size_);
  fake_stack_ = nullptr;
  context_ = make_fcontext(mapping_ + guard + size_ - color_, size_ - color_, &fiber_begins);
}

void Fiber::tell_sanitizer(Fiber& left) {
  const void* bottom = nullptr;
  std::size_t size = 0;
  __sanitizer_finish_switch_fiber(fake_stack_, &bottom, &size);
  if (!left.mapping_) {  // the OS thread's own stack: only now do we learn where it is
    left.bottom_ = bottom;
    left.size_ = size;
  }
}

bool Fiber::owns_guard(const void* address) const {
  const auto* byte = static_cast<const std::byte*>(address);
  return mapping_ && byte >= mapping_ && byte < mapping_ + guard;
}

}  // namespace sidestep::emulation::detail
