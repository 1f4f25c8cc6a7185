#include <sidestep/kernels/emulation/shared_arrays.hpp>

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <new>

#include <sidestep/kernels/emulation/canary.hpp>
#include <sidestep/kernels/emulation/round_up.hpp>
#include <sidestep/kernels/emulation/sanitizer.hpp>

namespace sidestep::emulation::detail {
namespace {

constexpr std::size_t red_zone = 64;
constexpr std::size_t arena_size = std::size_t{512} << 10;

}  // namespace

SharedArrays::SharedArrays() = default;

SharedArrays::~SharedArrays() {
  if (!arena_) return;
  unpoison(arena_, arena_size);
  munmap(arena_, arena_size);
}

void SharedArrays::begin_block(std::size_t dynamic_bytes) {
  dynamic_bytes_ = dynamic_bytes;
  static_bytes_ = 0;
  used_ = 0;
}

void* SharedArrays::get(std::size_t bytes, std::size_t alignment, const void* tag) {
  for (const Array& array : arrays_) {
    if (array.tag == tag) return array.data;
  }
  const Quiet quiet;
  if (tag != &dynamic_bytes_) {
    static_bytes_ += bytes;
    if (static_bytes_ > static_limit) return nullptr;
  }
  alignment = alignment < 16 ? 16 : alignment;
  std::byte* data = nullptr;
  void* own = nullptr;
  if (under_thread_sanitizer()) {
    own = std::aligned_alloc(alignment, round_up(bytes + 1, alignment));
    if (!own) throw std::bad_alloc();
    data = static_cast<std::byte*>(own);
  } else {
    if (!arena_) {
      void* mapped = mmap(nullptr, arena_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (mapped == MAP_FAILED) throw std::bad_alloc();
      arena_ = static_cast<std::byte*>(mapped);
      poison(arena_, arena_size);
    }
    const std::size_t at = round_up(used_ + red_zone, alignment);
    used_ = at + round_up(bytes, 16);
    if (used_ + red_zone > arena_size) return nullptr;
    data = arena_ + at;
    if (!under_address_sanitizer()) {
      fill_canary(data - red_zone, red_zone);
      fill_canary(data + bytes, red_zone);
    }
  }
  unpoison(data, bytes);
  std::memset(data, 0xFF, bytes);
  arrays_.push_back({tag, data, bytes, own});
  return data;
}

std::string SharedArrays::overrun() const {
  if (under_address_sanitizer() || under_thread_sanitizer()) return "";
  for (const Array& array : arrays_) {
    for (std::size_t i = 0; i < red_zone; ++i) {
      const bool dynamic = array.tag == &dynamic_bytes_;
      const std::string name =
          (dynamic ? "the dynamic shared memory of " : "a shared array of ") + std::to_string(array.bytes) + " bytes";
      if (!is_canary(array.data + array.bytes + i))
        return "wrote " + std::to_string(i) + " bytes past the end of " + name;
      if (!is_canary(array.data - 1 - i)) {
        return "wrote " + std::to_string(i + 1) + " bytes before " + name;
      }
    }
  }
  return "";
}

void SharedArrays::end_block() {
  for (const Array& array : arrays_) {
    if (array.own) {
      const Quiet quiet;
      std::free(array.own);
    } else {
      poison(array.data, array.bytes);
    }
  }
  arrays_.clear();
}

}  // namespace sidestep::emulation::detail
