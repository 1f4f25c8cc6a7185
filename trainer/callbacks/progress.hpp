#pragma once

#include <sidestep/trainer/callbacks/entry.hpp>
#include <sidestep/trainer/callbacks/epoch_row.hpp>
#include <sidestep/trainer/callbacks/error.hpp>
#include <sidestep/trainer/control/callback.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sidestep {

struct ProgressOptions {
  double interval = 0.1;           ///< seconds between two looks of the live line
  double every = 10;               ///< without a terminal: seconds between two lines within an epoch; 0: none
  std::optional<bool> terminal{};  ///< a live line, or plain lines; default: terminal_for_a_live_line()
  int columns = 0;                 ///< of the terminal, from 20; 0: it is asked
  std::function<void(std::string_view)> write{};  ///< default: to standard output, at once
};

/// Standard output is a terminal on which a line can be drawn anew: its TERM is set, and isn't "dumb".
bool terminal_for_a_live_line();

/// Says how the run goes: on a terminal one live line (epoch, step, loss, accuracy, samples/s, time left, learning
/// rate) that an epoch's summary replaces, elsewhere plain lines. It writes on a thread of its own and takes no more
/// events than it shows.
Callback progress(ProgressOptions options = {});
extern const CallbackEntry progress_entry;  ///< its row in the registry

/// What there is to show of a moment.
struct ProgressPoint {
  enum class Kind : std::uint8_t { run, batch, validation, epoch, test, end };
  Kind kind = Kind::run;
  Step step = 0, last_step = 0;
  Epoch epoch = 0, epochs = 0;
  double loss = 0, accuracy = 0;  ///< of the epoch so far; of the test
  double learning_rate = 0;
  bool says_rate = false;         ///< learning_rate is one, even if it is 0
  double samples_per_second = 0;  ///< of the epoch so far; 0: not known yet
  double seconds_left = -1;       ///< below 0: not known yet
  bool seen = false;              ///< there were steps: loss and accuracy are known
  bool stopped = false;
  std::shared_ptr<const EpochRow> row{};  ///< of an epoch's end
};

/// Sums up what has come since the last point, and lets no more than one batch through for each interval.
class ProgressGate {
 public:
  static constexpr std::string_view label = "progress_gate";
  static constexpr bool wall_time = true;
  using In = OneOf<FitBegin, EpochBegin, BatchEnd, Metric, ValidationBegin, EpochEnd, TestEnd, FitEnd>;

  /// `says_rate`: the loop has a learning rate. Otherwise it hasn't until one comes that isn't 0.
  explicit ProgressGate(Nanoseconds interval, bool says_rate = false) : interval_(interval), says_rate_(says_rate) {}
  template <class I>
  requires std::same_as<I, In>
  using out = ProgressPoint;

  void operator()(const In& event, auto&& out) {
    if (const auto* batch = event.get_if<BatchEnd>()) {
      add(*batch, out.stamp());
      if (out.stamp() < next_) [[likely]]
        return;
      next_ = out.stamp() + interval_;
      out(point(ProgressPoint::Kind::batch, out.stamp()));
    } else if (const auto* metric = event.get_if<Metric>()) {
      rows_.add(*metric);
    } else if (std::optional<ProgressPoint> other = rare(event, out.stamp())) {
      out(*other);
    }
  }

 private:
  void add(const BatchEnd& batch, Nanoseconds now);
  std::optional<ProgressPoint> rare(const In& event, Nanoseconds now);
  ProgressPoint point(ProgressPoint::Kind kind, Nanoseconds now) const;
  void begin_epoch(Nanoseconds now);

  Nanoseconds interval_;
  bool says_rate_;
  Nanoseconds next_ = 0;
  EpochRows rows_;
  ProgressPoint now_;
  double loss_sum_ = 0, accuracy_sum_ = 0;
  std::int64_t samples_ = 0, steps_ = 0;
  Nanoseconds began_ = 0;  // of the epoch's steps
  double seconds_a_step_ = 0;
};

/// Makes lines of points.
class ProgressPrinter {
 public:
  ProgressPrinter(std::function<void(std::string_view)> write, bool terminal, int columns)
      : write_(std::move(write)), terminal_(terminal), columns_(columns) {}
  void operator()(const ProgressPoint& point);
  void end();

 private:
  void line(std::string text);
  void live(std::string text, const std::function<std::string()>& shorter);
  void clear();

  std::function<void(std::string_view)> write_;
  bool terminal_;
  int columns_;
  bool live_ = false;  // a live line stands there
};

}  // namespace sidestep
