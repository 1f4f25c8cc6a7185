#pragma once

#include <sidestep/bus/bus.hpp>
#include <sidestep/bus/events.hpp>
#include <sidestep/trainer/control/checkpoint.hpp>
#include <sidestep/trainer/control/decision.hpp>
#include <sidestep/trainer/control/sync.hpp>

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace sidestep {

class Loop;
namespace detail {
class ControlCore;
}

/// A loop or control that is used in a way that can't work. What it says names the mend.
struct ControlError : std::logic_error {
  using std::logic_error::logic_error;
};

struct AttachOptions {
  std::optional<Sync> sync{};      ///< default: lag(2), on resuming what the checkpoint says
  Snapshot snapshot{};             ///< null: this loop can't save checkpoints
  std::filesystem::path folder{};  ///< of checkpoints; made when the first is written
  /// The checkpoint that is cut where the run ends, stops or is interrupted; empty: none.
  std::string last = "last.safetensors";
  std::filesystem::path run_folder = ".";                                  ///< where callbacks put their files
  std::uint64_t seed = 0;                                                  ///< for callbacks that want one
  std::optional<double> learning_rate{};                                   ///< that was asked for, for the same
  std::chrono::milliseconds decision_deadline = std::chrono::seconds(30);  ///< silent for longer: a decider is failed
  /// The run was begun before and was killed before its first checkpoint: it begins again, and so do its files.
  bool begins_again = false;
  bool fail_fast = false;  ///< a pipeline that fails asks for a Stop
  /// On the writer's thread, right before a checkpoint becomes visible: the place to rewrite a report.
  std::function<void(const Cut&)> before_visible{};
  std::string producer = "trainer";  ///< the name of the loop's ring
};

/// Decisions on their way from pipelines to one training loop.
///
///   sidestep::Bus bus;
///   sidestep::Control control;
///   bus.on<BatchEnd>() | map(&BatchEnd::loss) | filter(not_finite) | take(1) | decide(control, [](double) { return
///   Stop{"loss"}; }); auto loop = control.attach(bus, {.sync = lag(2)});
///
/// One bus for its life, one loop at a time. It may be destroyed before the bus.
class Control {
 public:
  Control();
  ~Control();
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  /// The training loop's side. Call it on the loop's thread. A pipeline that decides and is added there from now on
  /// takes part at once; one that is added on another thread, or by a handler, from the loop's next boundary on.
  Loop attach(Bus& bus, AttachOptions options = {});

  /// Asks from outside the stream, from any thread: applied at the first boundary that sees it, whatever the mode. The
  /// report then says that the run can't be repeated. Nothing to wait on is returned, and whoever waits all the same is
  /// failed by the deadline.
  void request(const Decision& decision, std::string_view by = "request");
  /// Puts a metric that has no place in the trainer's order into its stream: published by the loop at its next
  /// boundary.
  void inject(const Metric& metric);
  /// The run ends at the next boundary, with a checkpoint. May be called in a signal handler; `by` is a literal
  /// ("SIGINT").
  void interrupt(const char* by) noexcept;

  detail::ControlCore& core() noexcept { return *core_; }
  const std::shared_ptr<detail::ControlCore>& shared() const noexcept { return core_; }

 private:
  std::shared_ptr<detail::ControlCore> core_;
};

}  // namespace sidestep
