#pragma once

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include <sidestep/kernels/cuda/check.hpp>

#include "on_a_device.hpp"

namespace sidestep::kernels::cuda::test {

/// How many orders of blocks and threads each test tries; the soak run asks for more.
inline std::uint64_t seeds() {
  const char* said = std::getenv("SIDESTEP_TEST_SEEDS");
  return said ? std::strtoull(said, nullptr, 10) : 3;
}

/// Device memory of exactly this size, so that one byte too far is found. Poisoned: 0xFF in every byte, NaN as a float.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(std::size_t count) : count_(count) {
    SIDESTEP_CHECK(cudaMalloc(reinterpret_cast<void**>(&data_), count * sizeof(T)));
    const std::vector<unsigned char> poison(count * sizeof(T), 0xFF);
    SIDESTEP_CHECK(cudaMemcpy(data_, poison.data(), poison.size(), cudaMemcpyHostToDevice));
  }
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) { set(values); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  ~DeviceArray() { static_cast<void>(cudaFree(data_)); }

  T* data() const { return data_; }
  std::size_t size() const { return count_; }
  void set(const std::vector<T>& values) {
    SIDESTEP_CHECK(cudaMemcpy(data_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice));
  }
  std::vector<T> get() const {
    std::vector<T> values(count_);
    SIDESTEP_CHECK(cudaDeviceSynchronize());
    SIDESTEP_CHECK(cudaMemcpy(values.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost));
    return values;
  }

 private:
  T* data_ = nullptr;
  std::size_t count_;
};

inline std::vector<float> random_floats(std::size_t count, std::mt19937& random, float low = -1, float high = 1) {
  std::uniform_real_distribution<float> uniform(low, high);
  std::vector<float> values(count);
  for (auto& value : values) value = uniform(random);
  return values;
}

/// Runs f, which returns a vector, under each seed; all must give the same bits.
template <class F>
auto same_for_every_seed(F f) {
  emulation::set_seed(1);
  const auto first = f();
  for (std::uint64_t seed = 2; seed <= seeds(); ++seed) {
    emulation::set_seed(seed);
    const auto other = f();
    EXPECT_EQ(first.size(), other.size());
    EXPECT_EQ(std::memcmp(first.data(), other.data(), first.size() * sizeof(first[0])), 0) << "seed " << seed;
  }
  return first;
}

/// |a - b| <= 1e-5 max(|b|, scale): relative, but where terms cancel relative to what was added.
inline void expect_close(double found, double expected, double scale, const char* what, std::size_t at) {
  EXPECT_LE(std::abs(found - expected), 1e-5 * std::max(std::abs(expected), scale)) << what << "[" << at << "]";
}

inline const std::vector<unsigned>& block_sizes() {
  static const std::vector<unsigned> sizes{32, 96, 256};
  return sizes;
}

}  // namespace sidestep::kernels::cuda::test
