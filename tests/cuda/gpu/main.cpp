// Runs the tests on the device; without one says so, and exits with 77, which ctest takes for skipped.
#include <gtest/gtest.h>

#include <cstdio>

#include <sidestep/kernels/cuda/device.hpp>

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (!GTEST_FLAG_GET(list_tests)) {
    const auto device = sidestep::kernels::cuda::inspect_device();
    std::printf("%s: %s\n", device.ready() ? "on a device" : "skipped", device.sentence.c_str());
    if (!device.ready()) return 77;
  }
  return RUN_ALL_TESTS();
}
