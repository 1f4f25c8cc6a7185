// How far the host runs ahead of a device, told by a session that is late on purpose.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <sidestep/trainer/all.hpp>
#include <sidestep/trainer/fit.hpp>

#include <trainer/small_data.hpp>

namespace sidestep {
namespace {

using namespace test;
using kernels::DataId;
using kernels::Snapshot;
using kernels::StepRecord;

/// What the loop has asked of its session.
struct Asked {
  std::vector<std::size_t> ahead;  ///< steps whose records weren't taken when the next step was submitted
  std::size_t waited = 0;          ///< records that were taken with wait()
};

constexpr std::size_t never = std::numeric_limits<std::size_t>::max();

/// Another session, whose records come only when the device has been given so many steps more; or, `never`, when
/// somebody waits for them.
class LateSession : public kernels::Session {
 public:
  LateSession(std::unique_ptr<Session> inner, std::size_t late_by, Asked& asked)
      : inner_(std::move(inner)), late_by_(late_by), asked_(asked) {}

  void submit(DataId data, std::span<const std::uint32_t> indices, const kernels::StepInput& input) override {
    asked_.ahead.push_back(records_.size());
    inner_->submit(data, indices, input);
    records_.push_back(inner_->wait());
  }
  bool poll(StepRecord& record) override {
    if (records_.size() <= late_by_) return false;
    record = take();
    return true;
  }
  StepRecord wait() override {
    ++asked_.waited;
    return take();
  }
  std::size_t in_flight() const override { return records_.size(); }

  const kernels::NetworkSpec& network() const override { return inner_->network(); }
  std::string description() const override { return inner_->description(); }
  DataId attach(const kernels::DatasetView& data) override { return inner_->attach(data); }
  kernels::Evaluation evaluate(DataId data, std::size_t first, std::size_t count) override {
    return inner_->evaluate(data, first, count);
  }
  const std::vector<kernels::TensorInfo>& tensors() const override { return inner_->tensors(); }
  void read(std::size_t tensor, std::span<float> values) const override { inner_->read(tensor, values); }
  void write(std::size_t tensor, std::span<const float> values) override { inner_->write(tensor, values); }
  void initialise(std::uint64_t seed) override { inner_->initialise(seed); }
  std::unique_ptr<Snapshot> snapshot(kernels::Contents contents, std::unique_ptr<Snapshot> reuse) override {
    return inner_->snapshot(contents, std::move(reuse));
  }
  void restore(const Snapshot& snapshot) override { inner_->restore(snapshot); }
  void read(const Snapshot& snapshot, std::size_t tensor, std::span<float> values) const override {
    inner_->read(snapshot, tensor, values);
  }
  std::size_t release_memory() override { return inner_->release_memory(); }

 protected:
  std::size_t not_taken() const { return records_.size(); }
  StepRecord take() {
    EXPECT_FALSE(records_.empty());
    const StepRecord record = records_.front();
    records_.pop_front();
    return record;
  }

 private:
  std::unique_ptr<Session> inner_;
  std::size_t late_by_;
  Asked& asked_;
  std::deque<StepRecord> records_;
};

/// A device that fails in step `fails`, which the host hears of when it submits the next one. Records of steps before
/// have come by then, but not while anybody looked.
class FailingSession final : public LateSession {
 public:
  FailingSession(std::unique_ptr<Session> inner, std::uint64_t fails, Asked& asked)
      : LateSession(std::move(inner), never, asked), fails_(fails) {}

  void submit(DataId data, std::span<const std::uint32_t> indices, const kernels::StepInput& input) override {
    if (input.step > fails_) {
      failed_ = true;
      throw kernels::Error("training step " + std::to_string(fails_) + " failed on the device");
    }
    LateSession::submit(data, indices, input);
  }
  bool poll(StepRecord& record) override {
    if (!failed_ || not_taken() <= 1) return false;
    record = take();
    return true;
  }

 private:
  std::uint64_t fails_;
  bool failed_ = false;
};

TEST(DeviceFault, EveryStepWhoseRecordHasComeIsPublishedBeforeTheRunEnds) {
  for (const Step fails : {2, 3, 5}) {
    detail::TrainerParts parts(
        lenet(), small_data(),
        {.backend = "cpu", .epochs = 1, .batch_size = 60, .threads = 1, .run_ahead = 2, .sync = parse_sync("lag:2")});
    Asked asked;
    parts.session =
        std::make_unique<FailingSession>(std::move(parts.session), static_cast<std::uint64_t>(fails), asked);
    std::vector<std::string> seen, expected;
    Bus bus;
    Control control;
    bus.on<BatchEnd, ExceptionRaised>() | subscribe([&](const auto& any) {
      any.visit([&](const auto& e) { seen.push_back(std::string(e.name) + std::to_string(e.step)); });
    });
    Step completed = -1;
    try {
      detail::fit(parts, bus, control, {}, {});
      ADD_FAILURE() << "it doesn't fail";
    } catch (const TrainingError& error) {
      completed = error.step;
    }
    for (Step step = 1; step < fails; ++step) expected.push_back("BatchEnd" + std::to_string(step));
    expected.push_back("ExceptionRaised" + std::to_string(fails - 1));
    EXPECT_EQ(seen, expected);
    EXPECT_EQ(completed, fails - 1);
  }
}

struct Ahead {
  const char* sync;
  std::size_t k;  ///< relaxed mode's --run-ahead; otherwise the number in `sync`
};

std::string ahead_name(const testing::TestParamInfo<Ahead>& info) {
  std::string name = std::string(info.param.sync) + "_" + std::to_string(info.param.k);
  std::erase(name, ':');
  return name;
}

class DeviceRunAhead : public testing::TestWithParam<Ahead> {
 protected:
  static constexpr std::size_t epochs = 2, steps = 8;  // an epoch

  /// Trains on a session that is so late; expects every step's BatchEnd, in order.
  static Asked asked_of(std::size_t late_by) {
    const auto [sync, k] = GetParam();
    detail::TrainerParts parts(lenet(), small_data(),
                               {.backend = "cpu",
                                .epochs = epochs,
                                .batch_size = 60,
                                .threads = 1,
                                .run_ahead = static_cast<std::int64_t>(k),
                                .sync = parse_sync(sync)});
    Asked asked;
    parts.session = std::make_unique<LateSession>(std::move(parts.session), late_by, asked);
    std::vector<Step> ended;
    {
      Bus bus;
      Control control;
      bus.on<BatchEnd>() | subscribe([&](const BatchEnd& e) { ended.push_back(e.step); });
      EXPECT_EQ(detail::fit(parts, bus, control, {}, {}).state, "finished");
    }
    EXPECT_EQ(ended.size(), epochs * steps);
    for (std::size_t i = 0; i < ended.size(); ++i) EXPECT_EQ(ended[i], static_cast<Step>(i + 1));
    EXPECT_EQ(asked.ahead.size(), epochs * steps);
    return asked;
  }
  /// An epoch begins with no step under way; then as many as there have been, up to this number.
  static std::vector<std::size_t> rising_to(std::size_t most) {
    std::vector<std::size_t> all;
    for (std::size_t i = 0; i < epochs * steps; ++i) all.push_back(std::min(i % steps, most));
    return all;
  }
};

TEST_P(DeviceRunAhead, IsExactlyKStepsWhereTheDeviceIsBehind) {
  const std::size_t k = GetParam().k;
  const Asked asked = asked_of(never);
  EXPECT_EQ(asked.ahead, rising_to(k));
  EXPECT_EQ(asked.waited, epochs * steps);
}

TEST_P(DeviceRunAhead, TakesEachRecordAtTheFirstBoundaryBehindItsArrival) {
  const Asked asked = asked_of(0);
  // with k = 0 the host waits for each step, whether it has ended or not
  EXPECT_EQ(asked.ahead, rising_to(0));
  EXPECT_EQ(asked.waited, GetParam().k == 0 ? epochs * steps : 0);
}

TEST_P(DeviceRunAhead, IsNoFartherThanTheDeviceIsBehind) {
  const std::size_t k = GetParam().k;
  const Asked asked = asked_of(1);
  EXPECT_EQ(asked.ahead, rising_to(std::min<std::size_t>(k, 1)));
  EXPECT_EQ(asked.waited, k <= 1 ? epochs * steps : epochs);  // or only for an epoch's last
}

INSTANTIATE_TEST_SUITE_P(Sync, DeviceRunAhead,
                         testing::Values(Ahead{"lag:0", 0}, Ahead{"lag:1", 1}, Ahead{"lag:2", 2}, Ahead{"lag:5", 5},
                                         Ahead{"relaxed", 0}, Ahead{"relaxed", 3}),
                         ahead_name);

}  // namespace
}  // namespace sidestep
