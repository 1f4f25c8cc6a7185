#include <map>
#include <set>
#include <thread>

#include "session_support.hpp"

namespace sidestep::kernels::cuda::test {
namespace {

TEST(CudaSession, HasTheCpusTensorsAndInitialValues) {
  for (const auto& spec : {small_lenet(), perceptron(), small_resnet()}) {
    const auto device = make(spec);
    const auto cpu = make_cpu_session(spec, {.seed = 4, .threads = 1});
    EXPECT_EQ(all_tensors(*device), all_tensors(*cpu));
    for (std::size_t i = 0; i < cpu->tensors().size(); ++i) {
      EXPECT_EQ(device->tensors()[i].name, cpu->tensors()[i].name);
      EXPECT_EQ(device->tensors()[i].shape, cpu->tensors()[i].shape);
    }
  }
}

TEST(CudaSession, OneStepIsTheCpusStep) {
  const NetworkSpec dropping{{2, 8, 6}, {Convolution{3, 3}, Dropout{0.25f}, Dense{21}, Dropout{0.5f}, Dense{5, false}}};
  for (const auto& spec : {perceptron(), small_lenet(), small_resnet(), dropping}) {
    const Images images(spec, 60, 2);
    const Optimizer optimizer = Sgd{.momentum = 0.9};  // whose momentum is the gradient after the first step
    const auto device = make(spec, {.optimizer = optimizer});
    const auto cpu =
        make_cpu_session(spec, {.optimizer = optimizer, .seed = 4, .threads = 1, .path = CpuPath::portable});
    StepRecord found, expected;
    for (auto* session : {device.get(), cpu.get()}) {
      const DataId data = session->attach(images.view);
      session->submit(data, range(3, 37), {.learning_rate = 0.01, .step = 1});
      (session == device.get() ? found : expected) = session->wait();
    }
    EXPECT_NEAR(found.loss, expected.loss, 1e-5 * expected.loss);
    EXPECT_EQ(found.correct, expected.correct);
    EXPECT_EQ(found.samples, 37u);
    EXPECT_GT(found.gradient_norm, 0.0f);
    const auto tensors = all_tensors(*device);
    for (const auto& [name, values] : all_tensors(*cpu)) EXPECT_LE(distance(tensors.at(name), values), 1e-5) << name;
  }
}

TEST(CudaSession, HasTheSameBitsInEveryOrderOfThreadsAndBlocks) {
  for (const auto& spec : {small_lenet(), small_resnet()}) {
    const Images images(spec, 60, 2);
    std::map<std::string, std::vector<float>> first;
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      emulation::set_seed(seed);
      const auto session = make(spec, {.clip_norm = 0.5});
      const DataId data = session->attach(images.view);
      for (std::uint64_t number = 1; number <= 3; ++number) step(*session, data, range(0, 33), number, 1e-2);
      if (seed == 1)
        first = all_tensors(*session);
      else
        EXPECT_EQ(all_tensors(*session), first) << "seed " << seed;
    }
    emulation::set_seed(1);
  }
}

TEST(CudaSession, LearnsWhatIsThereToLearn) {
  for (const auto& spec : {perceptron(), small_lenet(), small_resnet()}) {
    const Images images(spec, 300, 2);
    const auto session = make(spec, {.clip_norm = 5});
    const DataId data = session->attach(images.view);
    const auto before = session->evaluate(data, 200, 100);
    std::uint64_t number = 0;
    for (int epoch = 0; epoch < 8; ++epoch)
      for (std::uint32_t first = 0; first < 200; first += 50) step(*session, data, range(first, 50), ++number, 5e-3);
    const auto after = session->evaluate(data, 200, 100);
    EXPECT_EQ(after.samples, 100u);
    EXPECT_LT(after.loss, before.loss / 2);
    EXPECT_GT(after.accuracy(), 0.8);
  }
}

#ifdef SIDESTEP_CUDA_EMULATION  // which counts calls
TEST(CudaSession, AStepIsOneGraphLaunchAndNothingElse) {
  const auto spec = perceptron();
  const Images images(spec, 100, 2);
  const auto session = make(spec);
  const DataId data = session->attach(images.view);
  for (std::uint64_t number = 1; number <= 2; ++number) step(*session, data, range(0, 20), number, 1e-3);
  emulation::reset_calls();
  for (std::uint64_t number = 3; number <= 12; ++number) {
    session->submit(data, range(static_cast<std::uint32_t>(number), 20), {.step = number});
    EXPECT_EQ(session->wait().step, number);
  }
  const auto calls = emulation::calls();
  // a query waits for nothing: it asks whether the stream is well where no record has come for a quarter of a second
  for (const auto& [name, count] : calls)
    EXPECT_EQ(name == "cudaGraphLaunch" || name == "cudaStreamQuery" ? 0u : count, 0u) << name;
  EXPECT_EQ(calls.at("cudaGraphLaunch"), 10u);
}
#endif

TEST(CudaSession, RunsAheadAndBlocksAreWrittenAgainOnlyBehindTheirRecords) {
  const auto spec = perceptron();
  const Images images(spec, 100, 2);
  const auto ahead = make(spec, {.run_ahead = 2}), alone = make(spec, {.run_ahead = 0});
  const DataId data = ahead->attach(images.view), same = alone->attach(images.view);
  // far more steps than blocks, and nobody asks for a record
  for (std::uint64_t number = 1; number <= 30; ++number)
    ahead->submit(data, range(static_cast<std::uint32_t>(number), 20 + number % 2),
                  {.learning_rate = 1e-3 * static_cast<double>(number), .step = number});
  EXPECT_EQ(ahead->in_flight(), 30u);
  for (std::uint64_t number = 1; number <= 30; ++number) {
    alone->submit(same, range(static_cast<std::uint32_t>(number), 20 + number % 2),
                  {.learning_rate = 1e-3 * static_cast<double>(number), .step = number});
    const auto one = ahead->wait(), other = alone->wait();
    EXPECT_EQ(one.step, number);
    EXPECT_EQ(other.step, number);
    EXPECT_EQ(one.loss, other.loss) << number;
    EXPECT_EQ(one.samples, 20 + number % 2);
  }
  EXPECT_EQ(all_tensors(*ahead), all_tensors(*alone));
  EXPECT_THROW(ahead->wait(), Error);
}

TEST(CudaSession, SnapshotsAreOfTheirMomentWhileTrainingGoesOn) {
  const auto spec = perceptron();
  const Images images(spec, 100, 2);
  const auto session = make(spec);
  const DataId data = session->attach(images.view);
  std::uint64_t number = 0;
  std::vector<std::map<std::string, std::vector<float>>> expected;
  std::vector<std::unique_ptr<Snapshot>> taken;
  std::vector<std::thread> readers;
  std::vector<std::map<std::string, std::vector<float>>> found(4);
  for (int i = 0; i < 4; ++i) {
    step(*session, data, range(0, 20), ++number, 1e-2);
    expected.push_back(all_tensors(*session));
    taken.push_back(session->snapshot(Contents::everything));
    session->submit(data, range(5, 20), {.step = ++number});
    readers.emplace_back([&, i, snapshot = taken.back().get()] {
      for (std::size_t t = 0; t < session->tensors().size(); ++t) {
        std::vector<float> values(session->tensors()[t].size);
        session->read(*snapshot, t, values);
        found[static_cast<std::size_t>(i)][session->tensors()[t].name] = values;
      }
    });
  }
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(found, expected);
  session->restore(*taken[1]);
  EXPECT_EQ(all_tensors(*session), expected[1]);
  // the memory of one becomes another's
  taken[0] = session->snapshot(Contents::everything, std::move(taken[0]));
  std::vector<float> values(session->tensors()[0].size);
  session->read(*taken[0], 0, values);
  EXPECT_EQ(values, expected[1][session->tensors()[0].name]);
  const auto weights = session->snapshot(Contents::weights);
  EXPECT_LT(weights->bytes(), taken[0]->bytes());
  values.resize(session->tensors().back().size);
  EXPECT_THROW(session->read(*weights, session->tensors().size() - 1, values), ShapeError);
}

#ifdef SIDESTEP_CUDA_EMULATION
TEST(CudaSession, ASnapshotWaitsForNothing) {
  const auto spec = perceptron();
  const Images images(spec, 100, 2);
  const auto session = make(spec);
  const DataId data = session->attach(images.view);
  static_cast<void>(step(*session, data, range(0, 20), 1));
  std::unique_ptr<Snapshot> copy;
  for (const bool anew : {true, false})
    for (const auto contents : {Contents::everything, Contents::everything, Contents::weights}) {
      SCOPED_TRACE(testing::Message() << (anew ? "anew" : "again")
                                      << (contents == Contents::weights ? ", weights" : ""));
      if (anew) copy.reset();
      const bool reused = copy && copy->contents() == contents;
      const bool ended = copy && !reused;  // whose copy to the host must have arrived before its memory is gone
      session->submit(data, range(0, 20), {.step = 2});
      emulation::reset_calls();
      copy = session->snapshot(contents, std::move(copy));
      auto calls = emulation::calls();
      // on the device, and a checkpoint's to the host; kept weights stay until somebody reads them
      EXPECT_EQ(calls["cudaMemcpyAsync"], contents == Contents::everything ? 2u : 1u);
      std::set<std::string> allowed{"cudaMemcpyAsync", "cudaEventRecord", "cudaStreamWaitEvent", "cudaEventQuery"};
      if (!reused)
        allowed.insert({"cudaMallocFromPoolAsync", "cudaHostAlloc", "cudaHostGetDevicePointer", "cudaEventCreate",
                        "cudaEventCreateWithFlags"});
      if (ended) allowed.insert({"cudaEventSynchronize", "cudaEventDestroy", "cudaFreeAsync", "cudaFreeHost"});
      for (const auto& [name, count] : calls)
        EXPECT_TRUE(count == 0 || allowed.contains(name)) << name << ": " << count;
      static_cast<void>(session->wait());
    }
}
#endif

#ifdef SIDESTEP_CUDA_EMULATION
TEST(CudaSession, StepsSnapshotsAndEvaluationsAreRangesThatEnd) {
  const auto spec = perceptron();
  const Images images(spec, 100, 2);
  const auto session = make(spec);
  const DataId data = session->attach(images.view);
  emulation::reset_ranges();
  for (std::uint64_t number = 1; number <= 5; ++number) static_cast<void>(step(*session, data, range(0, 20), number));
  static_cast<void>(session->snapshot(Contents::everything));
  static_cast<void>(session->evaluate(data, 0, 50));
  using Counts = std::map<std::string, emulation::RangeCount>;
  EXPECT_EQ(emulation::ranges(), (Counts{{"submit", {5, 5}}, {"snapshot", {1, 1}}, {"evaluate", {1, 1}}}));
  // and where a call is refused
  EXPECT_THROW(session->submit(data, {}, {}), ShapeError);
  EXPECT_THROW(session->evaluate(data, 90, 11), DataError);
  EXPECT_EQ(emulation::ranges(), (Counts{{"submit", {6, 6}}, {"snapshot", {1, 1}}, {"evaluate", {2, 2}}}));
}
#endif

TEST(CudaSession, ReleasedMemoryComesBackWhenNeeded) {
  const auto spec = small_lenet();
  const Images images(spec, 300, 2);
  const auto session = make(spec), other = make(spec);
  const DataId data = session->attach(images.view), same = other->attach(images.view);
  for (std::uint64_t number = 1; number <= 4; ++number) {
    step(*session, data, range(0, 250), number, 1e-3);
    step(*other, same, range(0, 250), number, 1e-3);
    if (number != 2) continue;
    const std::size_t released = session->release_memory();
#ifdef SIDESTEP_CUDA_EMULATION
    EXPECT_GT(released, 0u);
#else
    static_cast<void>(released);  // a device's pools give back whole pieces of megabytes only
#endif
  }
  EXPECT_EQ(all_tensors(*session), all_tensors(*other));
}

TEST(CudaSession, AnotherBatchSizeIsAnotherGraphAndAnEvaluationIsNone) {
  const auto spec = small_lenet();
  const Images images(spec, 200, 2);
  const auto session = make(spec);
  const DataId data = session->attach(images.view), second = session->attach(images.view);
  std::uint64_t number = 0;
#ifdef SIDESTEP_CUDA_EMULATION
  emulation::reset_calls();
#endif
  for (int epoch = 0; epoch < 3; ++epoch) {
    for (const std::uint32_t batch : {70u, 70u, 60u}) step(*session, data, range(0, batch), ++number, 1e-3);
    EXPECT_EQ(session->evaluate(second, 3, 190).samples, 190u);
  }
#ifdef SIDESTEP_CUDA_EMULATION
  EXPECT_EQ(emulation::calls()["cudaGraphInstantiate"], 2u);
#endif
}

TEST(CudaSession, ItsAlgorithmsGoOnInAnotherSession) {
  const auto spec = small_lenet();
  const Images images(spec, 100, 2);
  const auto session = make(spec);
  step(*session, session->attach(images.view), range(0, 16), 1, 1e-3);
  const std::string text = algorithms(*session);
  EXPECT_NE(text.find("conv1.forward@16="), std::string::npos) << text;
  EXPECT_NE(text.find("conv2.backward_data@16="), std::string::npos) << text;
  const auto resumed = make(spec, {.algorithms = text});
  EXPECT_EQ(algorithms(*resumed), text);
  step(*resumed, resumed->attach(images.view), range(0, 16), 1, 1e-3);
  EXPECT_EQ(algorithms(*resumed), text);
  EXPECT_THROW(make(spec, {.algorithms = "conv1"}), Error);
  const auto foreign = make(spec, {.algorithms = "conv1.forward@16=77"});
  const DataId data = foreign->attach(images.view);
  EXPECT_THROW(foreign->submit(data, range(0, 16), {}), Error);
}

TEST(CudaSession, WithoutTelemetryStepsAreTheSameAndTheirRecordsOnlyCount) {
  const auto spec = small_lenet();
  const Images images(spec, 100, 2);
  for (const double clip_norm : {0.0, 0.1}) {
    const auto telling = make(spec, {.clip_norm = clip_norm});
    const auto silent = make(spec, {.clip_norm = clip_norm, .telemetry = false});
    const DataId data = telling->attach(images.view), same = silent->attach(images.view);
    for (std::uint64_t number = 41; number <= 46; ++number) {
      EXPECT_GT(step(*telling, data, range(0, 33), number).loss, 0.0);
      const StepRecord record = step(*silent, same, range(0, 33), number);
      EXPECT_EQ(record.step, number);
      EXPECT_EQ(record.loss, 0.0);
      EXPECT_EQ(record.device_ns, 0u);
    }
    EXPECT_EQ(all_tensors(*silent), all_tensors(*telling));
  }
}

TEST(CudaSession, RefusesWhatDoesNotFit) {
  const auto spec = perceptron();
  const Images images(spec, 40, 2);
  const auto session = make(spec);
  const DataId data = session->attach(images.view);
  EXPECT_THROW(session->submit(data, {}, {}), ShapeError);
  EXPECT_THROW(session->submit(data, std::vector<std::uint32_t>{40}, {}), DataError);
  EXPECT_THROW(session->submit(DataId{7}, range(0, 3), {}), DataError);
  EXPECT_THROW(session->evaluate(data, 30, 11), DataError);
  std::vector<float> values(3);
  EXPECT_THROW(session->read(0, values), ShapeError);
  EXPECT_EQ(session->in_flight(), 0u);
}

}  // namespace
}  // namespace sidestep::kernels::cuda::test
