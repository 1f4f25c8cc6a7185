// One step of each model at its full size, from the same weights on both backends. What lies nearer to a tie than
// either rounds may fall on either side, so gradients are compared elsewhere (device_agreement_test.cpp, on chosen
// images).
#include <cuda/session_support.hpp>

namespace sidestep::kernels::cuda::test {
namespace {

NetworkSpec named(const std::string& model) {
  if (model == "mlp") return {{1, 28, 28}, {Dense{256}, Dense{128}, Dense{10, false}}};
  return model == "lenet" ? lenet() : resnet8();
}

class DeviceStep : public testing::TestWithParam<const char*> {};

TEST_P(DeviceStep, HasTheCpusLoss) {
  const NetworkSpec spec = named(GetParam());
  const Images images(spec, 12, 2);
  const auto device = make(spec, {.optimizer = Sgd{}});
  const auto cpu = make_cpu_session(spec, {.optimizer = Sgd{}, .seed = 4, .threads = 1, .winograd = false});
  const DataId on_device = device->attach(images.view), on_cpu = cpu->attach(images.view);
  device->prepare(on_device, 4);
  const StepRecord found = step(*device, on_device, range(0, 4), 1, 1e-2);
  const StepRecord expected = step(*cpu, on_cpu, range(0, 4), 1, 1e-2);
  EXPECT_NEAR(found.loss, expected.loss, 1e-5 * expected.loss);
  EXPECT_EQ(found.correct, expected.correct);
  EXPECT_GT(found.gradient_norm, 0.0f);
  const Evaluation after = device->evaluate(on_device, 0, 4);
  EXPECT_LT(after.loss, 2 * found.loss);
}

INSTANTIATE_TEST_SUITE_P(Models, DeviceStep, testing::Values("lenet", "resnet8", "mlp"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace sidestep::kernels::cuda::test
