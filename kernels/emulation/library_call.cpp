#include <cstdio>
#include <utility>

#include <sidestep/kernels/emulation/library_call.hpp>
#include <sidestep/kernels/emulation/sanitizer.hpp>

namespace sidestep::emulation {
namespace {

/// Says which argument it was; the report itself comes from reads() and writes().
void name_poisoned(const char* call, const Region& region) {
  if (!detail::under_address_sanitizer()) return;
  auto* begin = static_cast<char*>(const_cast<void*>(region.at));
  auto* bad = static_cast<char*>(__asan_region_is_poisoned(begin, region.bytes));
  if (!bad) return;
  std::fprintf(stderr,
               "sidestep: %s: argument '%s' has %zu bytes by its descriptor, and byte %td isn't the caller's to %s.\n"
               "          Give it memory of that length.\n",
               call, region.argument, region.bytes, bad - begin, region.kind == Region::Kind::read ? "read" : "write");
}

void declare(const char* call, const std::vector<Region>& regions) {
  for (const auto& region : regions) name_poisoned(call, region);
  for (const auto& region : regions) {
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
                   work();
                 },
                 call, {t(0), t(1), t(2), t(3), t(4), t(5), t(6), t(7), t(8), t(9), t(10), t(11)});
}

}  // namespace sidestep::emulation
