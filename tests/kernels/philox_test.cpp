#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include <sidestep/kernels/initialise.hpp>
#include <sidestep/kernels/philox.hpp>

namespace sidestep::kernels {
namespace {

using Words = std::array<std::uint32_t, 4>;

TEST(Philox, GivesTheNumbersThatItsAuthorsPublished) {  // Random123, kat_vectors, philox4x32 10
  EXPECT_EQ(philox({0, 0, 0, 0}, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({~0u, ~0u, ~0u, ~0u}, ~0ull), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0x299f31d0a4093822ull),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Initialisation, IsUniformWithinOneOverTheRootOfFanIn) {
  const ParameterInfo parameter{"dense1.weight", {100, 400}, 0, 400};
  std::vector<float> values(40000);
  fill_initial(parameter, 3, 42, values);
  double sum = 0, squares = 0;
  for (const float v : values) {
    EXPECT_LE(std::abs(v), 0.05f);
    sum += v;
    squares += static_cast<double>(v) * v;
  }
  EXPECT_NEAR(sum / 40000, 0.0, 5e-4);
  EXPECT_NEAR(squares / 40000, 0.05 * 0.05 / 3, 1e-5);
}

TEST(Initialisation, TensorsAndSeedsDiffer) {
  const ParameterInfo parameter{"dense1.bias", {5}, 0, 4};
  std::vector<float> a(5), b(5), c(5), again(5);
  fill_initial(parameter, 0, 1, a);
  fill_initial(parameter, 1, 1, b);
  fill_initial(parameter, 0, 2, c);
  fill_initial(parameter, 0, 1, again);
  EXPECT_NE(a, b);
  EXPECT_NE(a, c);
  EXPECT_EQ(a, again);
}

}  // namespace
}  // namespace sidestep::kernels
