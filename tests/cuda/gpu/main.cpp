// Runs the tests on the device; without one says so, and exits with 77, which ctest takes for skipped.
#include <gtest/gtest.h>

#include <cstdio>

#include <sidestep/kernels/cuda/device.hpp>

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const auto device = sidestep::kernels::cuda::inspect_device();
  if (!device.ready() && !GTEST_FLAG_GET(list_tests)) {
    std::printf("skipped: %s\n", device.sentence.c_str());
    return 77;
  }
  std::printf("on %s\n", device.sentence.c_str());
  return RUN_ALL_TESTS();
}
