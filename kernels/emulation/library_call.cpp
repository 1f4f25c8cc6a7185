#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <utility>

#include <sidestep/kernels/emulation/heap.hpp>
#include <sidestep/kernels/emulation/library_call.hpp>
#include <sidestep/kernels/emulation/memory.hpp>
#include <sidestep/kernels/emulation/sanitizer.hpp>

extern "C" {
__attribute__((weak)) void AnnotateIgnoreSyncBegin(const char* file, int line);
__attribute__((weak)) void AnnotateIgnoreSyncEnd(const char* file, int line);
}

namespace sidestep::emulation {
namespace {

/// oneDNN's own buffers and locks are none of ThreadSanitizer's business; its locks would even order streams that
/// nothing orders on a device.
class WithinLibrary {
 public:
  WithinLibrary() {
    if (detail::under_thread_sanitizer()) AnnotateIgnoreSyncBegin(__FILE__, __LINE__);
  }
  ~WithinLibrary() {
    if (detail::under_thread_sanitizer()) AnnotateIgnoreSyncEnd(__FILE__, __LINE__);
  }
  WithinLibrary(const WithinLibrary&) = delete;

 private:
  detail::Quiet quiet_;
};

std::string whole(const Region& region) {
  return std::string("argument '") + region.argument + "' has " + std::to_string(region.bytes) +
         " bytes by its descriptor";
}

/// Says which argument it was; AddressSanitizer's report follows, from reads() or writes().
void name_poisoned(const char* call, const Region& region) {
  if (!detail::under_address_sanitizer()) return;
  auto* begin = static_cast<char*>(const_cast<void*>(region.at));
  auto* bad = static_cast<char*>(__asan_region_is_poisoned(begin, region.bytes));
  if (!bad) return;
  std::fprintf(stderr, "sidestep: %s: %s, and byte %td isn't the caller's. Give it memory of that length.\n", call,
               whole(region).c_str(), bad - begin);
}

/// The same without a sanitizer: the call fails before it has touched anything.
void check_allocation(const Region& region) {
  const auto at = reinterpret_cast<std::uintptr_t>(region.at);
  if (detail::heap().in_range(at)) {
    if (detail::heap().holding(at, region.bytes).id == 0)
      throw std::out_of_range(whole(region) + ", and the memory it points to has fewer (" +
                              detail::heap().describe(at + region.bytes - 1) + ")");
    return;
  }
  if (detail::pinned_at(at).bytes == 0)
    throw std::out_of_range(std::string("argument '") + region.argument + "' points to the host's own memory");
  if (detail::pinned_at(at + region.bytes - 1).bytes == 0)
    throw std::out_of_range(whole(region) + ", and the pinned memory it points to has fewer");
}

void declare(const char* call, const std::vector<Region>& regions) {
  for (const auto& region : regions) name_poisoned(call, region);
  for (const auto& region : regions) {
    if (!detail::under_address_sanitizer()) check_allocation(region);
    if (region.kind != Region::Kind::write) reads(region.at, region.bytes);
    if (region.kind != Region::Kind::read) writes(region.at, region.bytes);
  }
}

}  // namespace

cudaError_t submit(cudaStream_t stream, const char* call, std::vector<Region> regions, std::function<void()> work) {
  // A call has at most nine arguments in device memory; a strided one is several regions of one argument.
  const void* touched[12] = {};
  std::size_t count = 0;
  const char* last = nullptr;
  for (const auto& region : regions) {
    if (region.argument != last && count < 12) touched[count++] = region.at;
    last = region.argument;
  }
  const auto t = [&](std::size_t i) { return touched[i < count ? i : 0]; };
  return enqueue(stream,
                 [call, regions = std::move(regions), work = std::move(work)] {
                   declare(call, regions);
                   const WithinLibrary within;
                   work();
                 },
                 call, {t(0), t(1), t(2), t(3), t(4), t(5), t(6), t(7), t(8), t(9), t(10), t(11)});
}

}  // namespace sidestep::emulation
