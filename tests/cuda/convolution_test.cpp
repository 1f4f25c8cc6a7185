#include <sidestep/kernels/cuda/convolution.hpp>
#include <sidestep/kernels/cuda/home.hpp>

#include "session_support.hpp"

namespace sidestep::kernels::cuda::test {
namespace {

/// What is chosen for a convolution of 8 filters of 5 x 5 x 3, as text.
std::string chosen(bool tf32, std::size_t limit, std::size_t* workspace = nullptr) {
  Home home(0);
  cudnnHandle_t made{};
  SIDESTEP_CHECK(cudnnCreate(&made));
  const Cudnn cudnn(made);
  Algorithms algorithms;
  const Context context{
      .stream = home.stream, .cudnn = cudnn, .tf32 = tf32, .workspace_limit = limit, .algorithms = &algorithms};
  Workbench bench(home.pool, home.stream);
  const CudnnConvolution convolution(
      context, bench, "c", {.batch = 4, .input = {3, 8, 8}, .filters = 8, .kernel = 5, .stride = 1}, true, true);
  if (workspace) *workspace = bench.workspace_bytes();
  return algorithms.text();
}

// The emulation offers algorithm 1 of the gradients only as deterministic, and of the forward pass 1 (fast, with a
// workspace) before 0 (without).
TEST(CudaConvolution, TheArithmeticIsChosenWithTheAlgorithm) {
  EXPECT_EQ(chosen(false, std::size_t{1} << 20), "c.backward_data@4=301 c.backward_filter@4=301 c.forward@4=301");
  EXPECT_EQ(chosen(true, std::size_t{1} << 20), "c.backward_data@4=1 c.backward_filter@4=1 c.forward@4=1");
}

TEST(CudaConvolution, WhereNoneIsWithinTheLimitTheSmallestIsTaken) {
  std::size_t workspace = 0;
  EXPECT_EQ(chosen(false, 0, &workspace), "c.backward_data@4=301 c.backward_filter@4=301 c.forward@4=300");
  EXPECT_EQ(workspace, 2 * sizeof(float) * 8 * 5 * 5 * 3);
}

}  // namespace
}  // namespace sidestep::kernels::cuda::test
