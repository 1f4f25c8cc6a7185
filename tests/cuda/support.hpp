#pragma once

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <tuple>
#include <utility>
#include <vector>

#include <sidestep/kernels/cuda/check.hpp>

#include "emulation/sanitizers.hpp"
#include "on_a_device.hpp"

namespace sidestep::kernels::cuda::test {

/// How many orders of blocks and threads each test tries; the soak run asks for more.
inline std::uint64_t seeds() {
  const char* said = std::getenv("SIDESTEP_TEST_SEEDS");
  return said ? std::strtoull(said, nullptr, 10) : 3;
}

/// Device memory of exactly this size, so that one byte too far is found. Poisoned: 0xFF in every byte, NaN as a float;
/// the emulation does so with all new memory.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(std::size_t count) : count_(count) {
    SIDESTEP_CHECK(cudaMalloc(reinterpret_cast<void**>(&data_), count * sizeof(T)));
#ifndef SIDESTEP_CUDA_EMULATION
    SIDESTEP_CHECK(cudaMemset(data_, 0xFF, count * sizeof(T)));
#endif
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

template <class T>
void expect_same_bits(const std::vector<T>& found, const std::vector<T>& first) {
  ASSERT_EQ(found.size(), first.size());
  EXPECT_EQ(std::memcmp(found.data(), first.data(), first.size() * sizeof(T)), 0);
}
template <class... T>
void expect_same_bits(const std::tuple<T...>& found, const std::tuple<T...>& first) {
  const auto one = [&]<std::size_t... I>(std::index_sequence<I...>) {
    (expect_same_bits(std::get<I>(found), std::get<I>(first)), ...);
  };
  one(std::index_sequence_for<T...>{});
}

/// Runs f, which returns a kernel's results, a vector or a tuple of vectors, under each seed; all must give the same
/// bits.
template <class F>
auto same_for_every_seed(F f) {
  emulation::set_seed(1);
  const auto first = f();
  for (std::uint64_t seed = 2; seed <= seeds(); ++seed) {
    SCOPED_TRACE(testing::Message() << "order " << seed);
    emulation::set_seed(seed);
    expect_same_bits(f(), first);
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

/// What the drawn shapes come from: another number in each run, which is printed; SIDESTEP_TEST_SHAPES=<number> draws
/// the same ones again.
inline std::uint32_t drawn_from() {
  static const std::uint32_t number = [] {
    const char* said = std::getenv("SIDESTEP_TEST_SHAPES");
    const auto made = said ? static_cast<std::uint32_t>(std::strtoul(said, nullptr, 10)) : std::random_device{}();
    std::printf("shapes are drawn from SIDESTEP_TEST_SHAPES=%u\n", made);
    return made;
  }();
  return number;
}

/// Shapes that nobody thought of.
class Draw {
 public:
  /// Uniform in [first, last].
  std::uint32_t between(std::uint32_t first, std::uint32_t last) { return first + random_() % (last - first + 1); }
  /// 1 to most, as many of one digit as of three: tails and single vectors are among them.
  std::uint32_t up_to(std::uint32_t most) {
    const double exponent = std::uniform_real_distribution<>()(random_);
    return std::min(static_cast<std::uint32_t>(std::pow(most + 1.0, exponent)), most);
  }
  double real(double low, double high) { return std::uniform_real_distribution<>(low, high)(random_); }
  bool coin() { return random_() % 2 != 0; }
  /// Any number of whole warps, which a launcher's block is.
  unsigned block() { return 32 * up_to(16); }
  std::mt19937& random() { return random_; }

 private:
  std::mt19937 random_{drawn_from()};
};

/// Calls check(draw) for a dozen shapes; for a few where each takes ten times as long.
template <class F>
void for_drawn_shapes(F check) {
  Draw draw;
  SCOPED_TRACE(testing::Message() << "SIDESTEP_TEST_SHAPES=" << drawn_from());
  constexpr bool slow = sidestep::test::thread_sanitizer || sidestep::test::address_sanitizer;
  for (int i = 0; i < (slow ? 4 : 12); ++i) check(draw);
}

}  // namespace sidestep::kernels::cuda::test
