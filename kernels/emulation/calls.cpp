#include <sidestep/kernels/emulation/calls.hpp>

#include <sidestep/kernels/emulation/report.hpp>

#include "include/sidestep_emulation.h"

namespace sidestep::emulation {
namespace detail {
namespace {

constexpr auto calls_known = static_cast<std::size_t>(Call::count);
const char* const names[calls_known] = {
#define SIDESTEP_CALL(name) #name,
    SIDESTEP_CALLS(SIDESTEP_CALL)
#undef SIDESTEP_CALL
};

// All relaxed: numbers that are read when the calls are over.
std::uint64_t counts[calls_known];
cudaError_t sticky = cudaSuccess;
thread_local cudaError_t last = cudaSuccess;
thread_local int depth = 0;  // of functions that call one another

}  // namespace

Inside::Inside() { ++depth; }
Inside::~Inside() { --depth; }

void count(Call call) { __atomic_fetch_add(&counts[static_cast<std::size_t>(call)], 1, __ATOMIC_RELAXED); }

cudaError_t sticky_error() {
  // acquire: pairs with set_sticky_error; who sees the error finds its sentence
  return static_cast<cudaError_t>(__atomic_load_n(reinterpret_cast<int*>(&sticky), __ATOMIC_ACQUIRE));
}

void set_sticky_error(cudaError_t error) {
  int none = cudaSuccess;
  // release: pairs with sticky_error; the first one stays
  __atomic_compare_exchange_n(reinterpret_cast<int*>(&sticky), &none, static_cast<int>(error), false, __ATOMIC_RELEASE,
                              __ATOMIC_RELAXED);
}

cudaError_t machine_error() {
  const Faults& machine = faults();
  if (machine.no_driver || machine.driver_version < CUDART_VERSION / 1000 * 1000) return cudaErrorInsufficientDriver;
  return machine.no_device ? cudaErrorNoDevice : cudaSuccess;
}

cudaError_t remember(cudaError_t error) {
  if (error != cudaSuccess && error != cudaErrorNotReady) last = error;
  return error;
}

}  // namespace detail

std::map<std::string, std::uint64_t> calls() {
  std::map<std::string, std::uint64_t> made;
  for (std::size_t i = 0; i < detail::calls_known; ++i) {
    if (const auto n = __atomic_load_n(&detail::counts[i], __ATOMIC_RELAXED)) made[detail::names[i]] = n;
  }
  return made;
}

void reset_calls() {
  for (auto& n : detail::counts) __atomic_store_n(&n, 0, __ATOMIC_RELAXED);
}

bool inside_a_call() { return detail::depth > 0; }

std::string last_report() { return detail::last_report_text(); }

void forget_errors() {
  detail::sticky = cudaSuccess;
  detail::last = cudaSuccess;
  detail::clear_reports();
}

}  // namespace sidestep::emulation

using namespace sidestep::emulation::detail;

extern "C" cudaError_t cudaGetLastError(void) {
  count(Call::cudaGetLastError);
  if (const cudaError_t error = sticky_error()) return error;
  return std::exchange(last, cudaSuccess);
}

extern "C" cudaError_t cudaPeekAtLastError(void) {
  count(Call::cudaPeekAtLastError);
  if (const cudaError_t error = sticky_error()) return error;
  return last;
}
