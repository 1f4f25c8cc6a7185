/// NVTX: ranges are counted, so that a test sees whether each has an end.

#include <vector>

#include <sidestep/kernels/emulation/calls.hpp>
#include <sidestep/kernels/emulation/raw.hpp>
#include <sidestep/kernels/emulation/sanitizer.hpp>

#include "include/nvtx3/nvToolsExt.h"
#include "include/sidestep_emulation.h"

namespace sidestep::emulation {
namespace {

struct Counted {
  detail::RawMutex mutex;
  std::map<std::string, RangeCount> by_name;
};

Counted& counted() {
  static auto* instance = new Counted;  // outlives every thread
  return *instance;
}

thread_local std::vector<std::string> open_ranges;

}  // namespace

std::map<std::string, RangeCount> ranges() {
  const detail::Quiet quiet;
  const detail::RawLock lock(counted().mutex);
  return counted().by_name;
}

void reset_ranges() {
  const detail::Quiet quiet;
  const detail::RawLock lock(counted().mutex);
  counted().by_name.clear();
}

namespace detail {

int push_range(const char* name) {
  const Quiet quiet;
  const Inside inside;
  open_ranges.emplace_back(name);
  const RawLock lock(counted().mutex);
  ++counted().by_name[open_ranges.back()].begun;
  return static_cast<int>(open_ranges.size()) - 1;
}

int pop_range() {
  const Quiet quiet;
  const Inside inside;
  const std::string name = open_ranges.empty() ? "" : open_ranges.back();
  const int level = static_cast<int>(open_ranges.size()) - 1;
  if (!open_ranges.empty()) open_ranges.pop_back();
  const RawLock lock(counted().mutex);
  ++counted().by_name[name].ended;
  return level;
}

}  // namespace detail
}  // namespace sidestep::emulation
