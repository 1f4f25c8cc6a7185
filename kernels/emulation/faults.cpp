#include <cstdlib>
#include <sstream>
#include <utility>

#include <sidestep/kernels/emulation/faults.hpp>
#include <sidestep/kernels/emulation/raw.hpp>
#include <sidestep/kernels/emulation/report.hpp>

#include "include/sidestep_emulation.h"

namespace sidestep::emulation {
namespace {

[[noreturn]] void refuse(const std::string& part) {
  detail::report("SIDESTEP_EMULATION_FAULTS: '" + part +
                 "' is none of no_driver, no_device, driver=12040, compute=7.5, memory=64M, memory=8M@KERNEL:N, "
                 "illegal_address=KERNEL:N, plant=NAME.");
  std::exit(2);
}

std::size_t parse_bytes(const std::string& text, const std::string& part) {
  char* end = nullptr;
  std::size_t number = std::strtoull(text.c_str(), &end, 10);
  const std::string unit = end;
  if (end == text.c_str() || (!unit.empty() && unit != "K" && unit != "M" && unit != "G")) refuse(part);
  if (unit == "K") number <<= 10;
  if (unit == "M") number <<= 20;
  if (unit == "G") number <<= 30;
  return number;
}

/// "KERNEL:N", or "KERNEL" for its next run.
std::pair<std::string, std::uint64_t> parse_run(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return {text, 1};
  return {text.substr(0, colon), std::strtoull(text.c_str() + colon + 1, nullptr, 10)};
}

Faults from_environment() {
  Faults made;
  const char* said = std::getenv("SIDESTEP_EMULATION_FAULTS");
  std::istringstream parts(said ? said : "");
  for (std::string part; std::getline(parts, part, ';');) {
    if (part.empty()) continue;
    const std::size_t equals = part.find('=');
    const std::string name = part.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : part.substr(equals + 1);
    if (part == "no_driver") {
      made.no_driver = true;
    } else if (part == "no_device") {
      made.no_device = true;
    } else if (name == "driver" && !value.empty()) {
      made.driver_version = std::atoi(value.c_str());
    } else if (name == "compute" && value.find('.') != std::string::npos) {
      made.compute_major = std::atoi(value.c_str());
      made.compute_minor = std::atoi(value.c_str() + value.find('.') + 1);
    } else if (name == "memory" && !value.empty()) {
      const std::size_t at = value.find('@');
      const std::size_t bytes = parse_bytes(value.substr(0, at), part);
      if (at == std::string::npos) {
        made.memory_limit = bytes;
      } else {
        const auto [kernel, n] = parse_run(value.substr(at + 1));
        made.neighbours.push_back({kernel, n, bytes});
      }
    } else if (name == "illegal_address" && !value.empty()) {
      const auto [kernel, n] = parse_run(value);
      made.failing_launches.push_back({kernel, n});
    } else if (name == "plant" && !value.empty()) {
      made.planted.insert(value);
    } else {
      refuse(part);
    }
  }
  return made;
}

}  // namespace

Faults& faults() {
  static auto* instance = new Faults(from_environment());  // outlives every thread
  return *instance;
}

bool planted(const char* name) {
  const auto& names = faults().planted;
  return !names.empty() && names.count(name) > 0;
}

namespace detail {

cudaError_t injected_failure(const void* kernel) {
  auto& failing = faults().failing_launches;
  auto& neighbours = faults().neighbours;
  if (failing.empty() && neighbours.empty()) return cudaSuccess;
  static RawMutex mutex;
  const RawLock lock(mutex);
  const std::string name = function_name(kernel);
  for (auto& neighbour : neighbours) {
    if (neighbour.n == 0 || name.find(neighbour.kernel) == std::string::npos) continue;
    // relaxed: a number by itself, as in memory_limit()
    if (--neighbour.n == 0) __atomic_store_n(&faults().memory_limit, neighbour.memory_limit, __ATOMIC_RELAXED);
  }
  for (auto& launch : failing) {
    if (launch.n == 0 || name.find(launch.kernel) == std::string::npos) continue;
    if (--launch.n > 0) continue;
    report("a launch of " + name + " was made to fail with " + cudaGetErrorName(launch.error) + ".");
    return launch.error;
  }
  return cudaSuccess;
}

// relaxed: who asks sees a neighbour's memory gone now or at the next call
std::size_t memory_limit() { return __atomic_load_n(&faults().memory_limit, __ATOMIC_RELAXED); }

}  // namespace detail
}  // namespace sidestep::emulation
