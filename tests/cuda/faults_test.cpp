#include <sidestep/kernels/cuda/check.hpp>
#include <sidestep/kernels/cuda/device.hpp>
#include <sidestep/kernels/cuda/error.hpp>

#include "emulation/sanitizers.hpp"
#include "session_support.hpp"

namespace sidestep::kernels::cuda::test {
namespace {

TEST(CudaFaults, AKernelThatFailsInAStepIsReportedWithThatStep) {
  const auto spec = perceptron();
  const Images images(spec, 40, 2);
  const FaultsGuard guard;
  {
    const auto session = make(spec);
    const DataId data = session->attach(images.view);
    for (std::uint64_t number = 1; number <= 2; ++number) step(*session, data, range(0, 10), number, 1e-3);
    emulation::faults().failing_launches = {{"update_all", 2}};
    session->submit(data, range(0, 10), {.step = 103});
    EXPECT_EQ(session->wait().step, 103u);
    session->submit(data, range(0, 10), {.step = 104});
    try {
      session->wait();
      ADD_FAILURE() << "nobody noticed";
    } catch (const KernelFault& fault) {
      EXPECT_EQ(fault.step(), 104u);
      EXPECT_NE(std::string(fault.what()).find("step 104"), std::string::npos) << fault.what();
      EXPECT_NE(std::string(fault.what()).find("cudaErrorIllegalAddress"), std::string::npos) << fault.what();
    }
    EXPECT_THROW(session->submit(data, range(0, 10), {.step = 105}), KernelFault);
    EXPECT_THROW(session->snapshot(Contents::weights), Error);
    EXPECT_THROW(session->evaluate(data, 0, 10), KernelFault);
    std::vector<float> values(session->tensors()[0].size);
    EXPECT_THROW(session->read(0, values), KernelFault);
  }
}

TEST(CudaFaults, TooLargeABatchSaysWhichWouldFit) {
  const auto spec = small_lenet();
  const Images images(spec, 4000, 2);
  const FaultsGuard guard;
  emulation::faults().memory_limit = std::size_t{24} << 20;
  const auto session = make(spec);
  const DataId data = session->attach(images.view);
  std::size_t fitting = 0;
  try {
    session->submit(data, range(0, 4000), {});
    ADD_FAILURE() << "it fits";
  } catch (const DeviceMemoryError& full) {
    fitting = full.fitting_batch();
    EXPECT_GT(full.asked(), full.free());
    EXPECT_GT(fitting, 100u) << full.what();
    EXPECT_LT(fitting, 4000u) << full.what();
    EXPECT_NE(std::string(full.what()).find("--batch-size " + std::to_string(fitting)), std::string::npos)
        << full.what();
  }
  EXPECT_EQ(session->in_flight(), 0u);
  // and that one does
  step(*session, data, range(0, static_cast<std::uint32_t>(fitting)), 1, 1e-3);
}

TEST(CudaFaults, AnEvaluationTakesFewerSamplesAtATimeWhereMemoryIsShort) {
  const NetworkSpec spec{{1, 64, 64}, {Convolution{16}, Dense{5, false}}};  // 0.5 MB a sample, of 64 at a time
  const Images images(spec, 100, 2);
  const auto expected = [&] {
    const auto session = make(spec);
    return session->evaluate(session->attach(images.view), 0, 100);
  }();
  // Sanitizers make closing and opening memory slow, where the CPU has no protection keys: fewer sizes there.
  constexpr bool sanitized = sidestep::test::thread_sanitizer || sidestep::test::address_sanitizer;
  constexpr std::size_t fine = sanitized ? 1024 : 128, coarse = sanitized ? 6144 : 2048;
  for (std::size_t kilobytes = 9216; kilobytes <= 24576; kilobytes += kilobytes < 12288 ? fine : coarse) {
    SCOPED_TRACE(kilobytes);
    const bool prepared = kilobytes >= 18432;  // with room for two checkpoints
    const FaultsGuard guard;
    emulation::faults().memory_limit = kilobytes << 10;
    const auto session = make(spec);
    const DataId data = session->attach(images.view);
    if (prepared)
      session->prepare(data, 4);
    else
      step(*session, data, range(0, 4), 1, 0);
    const Evaluation found = session->evaluate(data, 0, 100);
    EXPECT_EQ(found.samples, 100u);
    EXPECT_EQ(found.correct, expected.correct);
    EXPECT_NEAR(found.loss, expected.loss, 1e-6);
    step(*session, data, range(0, 4), 2, 1e-3);
  }
}

TEST(CudaFaults, AnEvaluationThatDoesNotFitBlamesNoBatch) {
  const auto spec = small_lenet();
  const Images images(spec, 100, 2);
  const FaultsGuard guard;
  const auto session = make(spec);
  const DataId data = session->attach(images.view);
  emulation::faults().memory_limit = 1;
  try {
    session->evaluate(data, 0, 100);
    ADD_FAILURE() << "it fits";
  } catch (const DeviceMemoryError& full) {
    EXPECT_EQ(full.fitting_batch(), 0u);
    EXPECT_EQ(std::string(full.what()).find("batch"), std::string::npos) << full.what();
  }
}

struct Machine {
  void (*change)(emulation::Faults&);
  CudaStatus::Kind kind;
  const char* says;
};

TEST(CudaFaults, AMachineThatDoesNotServeIsRefusedInOneSentence) {
  for (const auto& machine : {
           Machine{[](emulation::Faults& f) { f.no_driver = true; }, CudaStatus::Kind::no_driver, "no NVIDIA driver"},
           Machine{[](emulation::Faults& f) { f.driver_version = 12040; }, CudaStatus::Kind::driver_too_old, "12.4"},
           Machine{[](emulation::Faults& f) { f.compute_major = 7, f.compute_minor = 5; },
                   CudaStatus::Kind::device_too_old, "7.5"},
           Machine{[](emulation::Faults& f) { f.no_device = true; }, CudaStatus::Kind::no_device, "no NVIDIA GPU"},
           Machine{[](emulation::Faults& f) { f.kernel_load = cudaErrorNoKernelImageForDevice; },
                   CudaStatus::Kind::device_too_old, "9.0"},
           Machine{[](emulation::Faults& f) { f.kernel_load = cudaErrorUnsupportedPtxVersion; },
                   CudaStatus::Kind::driver_too_old, "for CUDA 13.0"},
       }) {
    const FaultsGuard guard;
    machine.change(emulation::faults());
    const CudaStatus status = inspect_device();
    EXPECT_EQ(status.kind, machine.kind) << status.sentence;
    EXPECT_NE(status.sentence.find(machine.says), std::string::npos) << status.sentence;
    EXPECT_NE(status.sentence.find("--backend cpu"), std::string::npos) << status.sentence;
    EXPECT_THROW(make(perceptron()), DeviceError);
  }
  EXPECT_EQ(inspect_device().kind, CudaStatus::Kind::ready);
  EXPECT_THROW(make_cuda_session(perceptron(), {.name = "cuda-of-tomorrow"}), UnsupportedError);
}

TEST(CudaFaults, AFailedCallNamesItselfFileAndLine) {
  const FaultsGuard guard;
  try {
    SIDESTEP_CHECK(cudaStreamSynchronize(reinterpret_cast<cudaStream_t>(8)));
    ADD_FAILURE();
  } catch (const CudaError& error) {
    EXPECT_NE(std::string(error.what()).find("cudaStreamSynchronize failed at faults_test.cpp:"), std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace sidestep::kernels::cuda::test
