#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <sidestep/kernels/cuda/session.hpp>

#include "kernels/support.hpp"
#include "on_a_device.hpp"

namespace sidestep::kernels::cuda::test {

using namespace kernels::test;

/// A session, without the detour over a shared library.
inline std::unique_ptr<Session> make(const NetworkSpec& spec, CudaOptions options = {}) {
  options.name = backend;
  options.seed = 4;
  return make_session(spec, options);
}

/// All tensors of a session, by name.
inline std::map<std::string, std::vector<float>> all_tensors(const Session& session) {
  std::map<std::string, std::vector<float>> all;
  for (std::size_t i = 0; i < session.tensors().size(); ++i) {
    auto& values = all[session.tensors()[i].name];
    values.resize(session.tensors()[i].size);
    session.read(i, values);
  }
  return all;
}

/// |found - expected| / |expected| of a whole tensor.
inline double distance(const std::vector<float>& found, const std::vector<float>& expected) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    difference += std::pow(double{found[i]} - double{expected[i]}, 2);
    size += std::pow(double{expected[i]}, 2);
  }
  return std::sqrt(difference / std::max(size, 1e-30));
}

#ifdef SIDESTEP_CUDA_EMULATION
/// Puts the emulated machine back as it was, whatever a test did to it.
struct FaultsGuard {
  emulation::Faults before = emulation::faults();
  ~FaultsGuard() {
    emulation::forget_errors();
    emulation::faults() = before;
  }
};
#endif

}  // namespace sidestep::kernels::cuda::test
