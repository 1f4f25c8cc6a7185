#pragma once

#include <sidestep/bus/events.hpp>
#include <sidestep/operators/stage.hpp>
#include <sidestep/trainer/callbacks/error.hpp>
#include <sidestep/trainer/control/callback.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sidestep {

/// Which values of a metric are better.
enum class Mode : std::uint8_t {
  automatic,  ///< by the metric's name: a loss or an error falls, an accuracy, an AUC, an mAP rises
  min,
  max
};
inline constexpr Mode Auto = Mode::automatic, Min = Mode::min, Max = Mode::max;

/// When a callback looks at its metric.
struct When {
  Step batches = 0;          ///< 0: at the ends of whole epochs
  std::string text() const;  ///< "epoch", "batch:20"
  friend bool operator==(const When&, const When&) = default;
};
/// At the end of each whole epoch. One that was cut short is ignored, whatever the metric.
inline constexpr When epoch_end{};
/// Every n batches: at the steps n, 2n, 3n ...
constexpr When batches(Step n) { return {n}; }

/// What whoever monitors a metric is told.
struct Look {
  enum class Kind : std::uint8_t {
    begin,    ///< a run begins that isn't resumed: forget everything
    look,     ///< the metric is looked at
    stopped,  ///< a Stop that this callback asked for took effect
    end       ///< the run ends
  };
  Kind kind = Kind::look;
  bool came = false;  ///< the metric was published since the last look
  double value = 0;   ///< its last value
  Step step = 0;
  Epoch epoch = 0;
  double learning_rate = 0;  ///< of the last batch; 0: the loop doesn't say
};

/// Is one value better than another?
class Better {
 public:
  /// Throws CallbackError in `owner`'s name if `mode` is automatic and the metric's name doesn't tell.
  Better(Mode mode, std::string_view metric, double min_delta, std::string_view owner);

  bool falls() const noexcept { return falls_; }
  double worst() const noexcept;
  /// By more than min_delta. Nothing is better than NaN, NaN than nothing.
  bool operator()(double value, double than) const noexcept {
    return falls_ ? value + min_delta_ < than : value - min_delta_ > than;
  }

 private:
  bool falls_;
  double min_delta_;
};

/// Latches a metric's last value, and emits a Look at the end of each whole epoch, or every n batches.
///
///   in   --val/loss 0.4--EpochEnd--val/loss 0.3--EpochEnd(partial)--FitEnd--|
///   monitor("val/loss")
///   out  ----------------Look(0.4)----------------------------------end-----|
///
/// A value is looked at once: if the metric isn't published again until the next look, that one says `came = false`.
/// Throws CallbackError (so that this pipeline fails, and says why) at the first look if another metric has nearly this
/// name, and at the end of the run if it was looked at and never came. A run too short for a single look is no failure,
/// and neither is a metric that comes behind the end of its epoch, and so is looked at one epoch late: a note says so.
class Monitor {
 public:
  static constexpr std::string_view label = "monitor";
  using In = OneOf<FitBegin, Metric, BatchEnd, EpochEnd, DecisionApplied, FitEnd>;

  Monitor(std::string_view metric, When at, std::string_view owner)
      : metric_(intern(metric)), owner_(intern(owner)), at_(at) {}
  /// Of a callback: at the end of a run that was too short for a single look, a note says so.
  Monitor(std::string_view metric, When at, const CallbackContext& run) : Monitor(metric, at, run.name) {
    notes_ = run.notes;
  }

  template <class I>
  requires std::same_as<I, In>
  using out = Look;

  void operator()(const In& event, auto&& out) {
    if (const auto* metric = event.get_if<Metric>()) {
      if (metric->metric == metric_) {
        value_ = metric->value;
        came_ = ever_came_ = true;
        if (at_.batches == 0 && looked_at_ > 0 && metric->step == looked_at_) ++behind_;
      } else if (!ever_came_) {
        remember(metric->metric);
      }
    } else if (const auto* batch = event.get_if<BatchEnd>()) {
      learning_rate_ = batch->learning_rate;
      if (at_.batches > 0 && batch->step % at_.batches == 0) out(look(batch->step, batch->epoch));
    } else if (const auto* epoch = event.get_if<EpochEnd>()) {
      if (at_.batches == 0 && !epoch->partial) out(look(epoch->step, epoch->epoch));
    } else if (const auto* applied = event.get_if<DecisionApplied>()) {
      if (applied->by == owner_ && applied->decision == stop_) out(Look{.kind = Look::Kind::stopped});
    } else if (const auto* begin = event.get_if<FitBegin>()) {
      if (begin->resumed) return;
      forget();
      out(Look{.kind = Look::Kind::begin});
    } else if (const auto* end = event.get_if<FitEnd>()) {
      if (looks_ == 0) never_looked();
      if (!ever_came_ && looks_ > 0) never_came();
      if (behind_ > 0) came_behind();
      out(Look{.kind = Look::Kind::end, .step = end->step, .epoch = end->epoch});
    }
  }

  void state(auto& archive) {
    archive(came_, ever_came_, value_, learning_rate_, looks_);
    std::vector<std::string> names = others();
    archive(names);
    if (!archive.saving()) set_others(names);
  }
  void arguments(auto& show) const { show(metric_.text(), at_.text()); }

 private:
  Look look(Step step, Epoch epoch);
  void remember(Name metric);
  void forget();
  void never_looked() const;
  void came_behind() const;
  [[noreturn]] void never_came() const;
  std::vector<std::string> others() const;  // by text: a name's number differs from process to process
  void set_others(const std::vector<std::string>& names);

  Name metric_, owner_;
  Name stop_ = intern(Stop::decision);
  When at_;
  bool came_ = false, ever_came_ = false;
  double value_ = 0;
  double learning_rate_ = 0;
  std::int64_t looks_ = 0;
  // Of this process alone, for a note:
  Step looked_at_ = 0;
  std::int64_t behind_ = 0;   // values of a step that was looked at before they came
  std::vector<Name> others_;  // what came instead, for the error
  std::shared_ptr<Notes> notes_{};
};

/// Where whoever monitors a metric begins: monitored(run) | Monitor("val/loss", epoch_end, run) | decide(...)
inline auto monitored(CallbackContext& run) {
  return run.on<FitBegin, Metric, BatchEnd, EpochEnd, DecisionApplied, FitEnd>();
}

namespace detail {

/// Throws CallbackError in `owner`'s name: no metric, a negative number of batches.
void check_monitor(std::string_view owner, std::string_view metric, When at);

/// "not improved by min_delta 0.01 for 2 epochs"; without a min_delta that part is left out.
std::string not_improved(double min_delta, std::int64_t times, std::string_view unit);

}  // namespace detail
}  // namespace sidestep
