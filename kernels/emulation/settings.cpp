#include <sidestep/kernels/emulation/settings.hpp>

#include <cstdlib>
#include <cstring>

#include "include/sidestep_emulation.h"

namespace sidestep::emulation {
namespace detail {

Settings& settings() {
  static Settings read = [] {
    Settings made;
    if (const char* seed = std::getenv("SIDESTEP_EMULATION_SEED")) made.seed = std::strtoull(seed, nullptr, 0);
    const char* fresh = std::getenv("SIDESTEP_EMULATION_FRESH_FIBERS");
    made.fresh_fibers = fresh && std::strcmp(fresh, "1") == 0;
    return made;
  }();
  return read;
}

std::uint64_t mixed(std::uint64_t a, std::uint64_t b) {  // splitmix64's finalizer (Steele, Lea, Flood 2014)
  std::uint64_t x = a + 0x9e3779b97f4a7c15u * (b + 1);
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace detail

// relaxed: a launch takes whichever seed it sees
void set_seed(std::uint64_t seed) { __atomic_store_n(&detail::settings().seed, seed, __ATOMIC_RELAXED); }
std::uint64_t seed() { return __atomic_load_n(&detail::settings().seed, __ATOMIC_RELAXED); }

}  // namespace sidestep::emulation
