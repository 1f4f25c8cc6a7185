#pragma once

#include <sidestep/bus/bus.hpp>
#include <sidestep/bus/events.hpp>
#include <sidestep/bus/meter.hpp>
#include <sidestep/trainer/control/boundary_list.hpp>
#include <sidestep/trainer/control/callback.hpp>
#include <sidestep/trainer/control/checkpoint.hpp>
#include <sidestep/trainer/control/control.hpp>
#include <sidestep/trainer/control/decision.hpp>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace sidestep {

namespace detail {
class LoopInside;
}

/// What applying a decision came to.
struct Outcome {
  std::optional<double> value{};          ///< default: the decision's own value()
  std::optional<double> learning_rate{};  ///< after it; default: unchanged
  std::string refused{};                  ///< why it couldn't be applied; empty: it was

  static Outcome refuse(std::string why) { return {{}, {}, std::move(why)}; }
};

/// Where a decision comes from, for its handler.
struct Cause {
  std::optional<Step> step;  ///< of the event that caused it; none: asked for from outside
  Segment segment = Segment::batch;
  Step applied_step = 0;  ///< it acts from the next step on
  std::string_view by;    ///< the callback or pipeline
};

/// The training loop's side of the bus and of control.
///
///   auto loop = control.attach(bus, {.snapshot = copy_weights, .folder = "run/checkpoints"});
///   loop.on<SetLearningRate>([&](const SetLearningRate& d) { optimizer.lr = d.learning_rate; });
///   if (resuming) restore_weights(loop.resume(file));
///   loop.use(callbacks);
///   loop.publish(FitBegin{...});
///   for (Step step = loop.step() + 1; step <= last && !loop.stopped(); ++step) {
///     ...
///     loop.publish(BatchEnd{.step = step, .loss = loss});
///     loop.boundary();
///     if (end of an epoch) { loop.publish(Metric{...}, EpochEnd{...}); loop.boundary(); }
///   }
///   if (in mid-epoch) loop.publish(EpochEnd{.partial = true});      // no boundary: the checkpoint is cut before it
///   loop.finish();                                                  // FitEnd, its boundary, drain, seal, checkpoints
///   on disk
///
/// Whoever closes the bus on another thread asks for a Stop by it, and waits until the loop has come to finish().
/// Everything on one thread, but for interrupt(). `publish` and `boundary` allocate nothing, lock nothing and make no
/// system call while no decision, checkpoint or metric from outside waits.
class Loop : detail::RefusesOthers {
 public:
  Loop(Control& control, Bus& bus, AttachOptions options);  ///< Control::attach
  ~Loop();  ///< drains; without finish() there is no FitEnd and no last checkpoint
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // ---- before the first event

  /// Hangs callbacks on the run. Behind resume(), so that they know.
  void use(std::span<const Callback> callbacks);
  void use(std::initializer_list<Callback> callbacks) { use(std::span(callbacks.begin(), callbacks.size())); }
  void use(const Callback& callback) { use(std::span(&callback, 1)); }

  /// What a decision does: f(const D&) or f(const D&, const Cause&), returning void or an Outcome. One for each type; a
  /// decision without one is refused. Validate's runs the validation and publishes up to ValidationEnd; the boundary
  /// behind it is run here.
  template <DecisionType D, class F>
  requires std::invocable<F&, const D&> || std::invocable<F&, const D&, const Cause&>
  void on(F f);

  /// Goes on from a checkpoint. The file's own: a safetensors file with `sidestep` in its metadata. Throws
  /// CheckpointError.
  const CheckpointState& resume(const std::filesystem::path& file);
  /// From a container of your own. `name` stands in CheckpointLoaded. The first publish() throws CheckpointError for a
  /// pipeline that can't go on with its saved state.
  const CheckpointState& resume(CheckpointState state, std::string_view name = "checkpoint");

  // ---- the run

  using RefusesOthers::publish;

  /// Publishes events of one moment, in this order: they share a stamp.
  template <Event First, Event... More>
  void publish(const First& first, const More&... more) {
    const Nanoseconds stamp = producer_.now();
    const bool timed = --until_sample_ == 0;
    Nanoseconds begin = 0;
    if (timed) [[unlikely]]
      begin = before_sample();
    // One copy of it: a second one for the timed would lie where no instruction cache has it, and be what is measured.
    put(stamp, first);
    if (timed) [[unlikely]]
      sampled(begin);
    (put(stamp, more), ...);
  }

  /// After each BatchEnd and EpochEnd: waits for deciders as the mode says, applies what is due, cuts checkpoints.
  /// Throws ControlError when it is called at any other place, and what handlers throw.
  void boundary() {
    // Behind a batch, in relaxed mode, with nothing unusual: two lines that are this thread's, and one flag.
    if (hot_.quick && place_.open == Open::next_batch && !hot_.list.sampled()) [[likely]] {
      place_.open = Open::no;
      hot_.last_step = place_.step;
      hot_.list.push(place_.number, place_.step, Segment::batch);
      if (hot_.bell->rung()) [[unlikely]]
        rung();
    } else {
      any_boundary();
    }
  }

  /// The boundary of a step that a device is still at work on: nobody waits for its BatchEnd. A step's events are then
  /// published together, in step order, once its record has arrived; at this moment, under lag(k), those of step - k
  /// must have been. What the boundary itself publishes comes right behind its BatchEnd, so the stream, the decisions
  /// and the checkpoints are those of a loop that waits for each step. Before an EpochEnd, a validation and the end,
  /// all records have to be in. Throws ControlError.
  struct Ahead {
    Step step = 0;
    Epoch epoch = 0;
    std::int32_t batch = 0;
    double learning_rate = 0;
  };
  void boundary(const Ahead& at);

  /// Steps behind which a boundary was held and whose BatchEnd is yet to come.
  Step behind() const noexcept;

  /// From a decision's handler: right behind the boundary's BatchEnd, now or when that has come.
  template <Event E>
  void publish_behind(const E& event) {
    say_behind([this, event] { publish(event); });
  }

  /// The run is to end here: Stop was applied, or it was interrupted.
  bool stopped() const noexcept { return stopped_; }
  /// The Stop that ended the run at this step: who asked for it, and why. Right behind resume() that of the run it goes
  /// on from, which stopped() says nothing of: whoever resumes a run that had been stopped decides whether it is to go
  /// on. Until the next step.
  std::optional<AppliedRow> stopped_by() const;
  /// Ends the run at the next boundary, with a checkpoint. Any thread, signal handlers too; `by` is a literal.
  void interrupt(const char* by) noexcept;

  // ---- its end

  /// FitEnd and the boundary behind it, which waits in full and applies what FitEnd caused (RestoreBest, ReleaseMemory,
  /// ...). Behind it a test may be run and TestEnd published. The checkpoint `last` is cut before, if this place has
  /// none.
  void end();
  /// end(), if it hasn't been called; then waits until all is delivered, and until checkpoints are on disk. Idempotent.
  void finish();

  // ---- what is known

  Step step() const noexcept { return place_.step; }  ///< of the last BatchEnd
  Epoch epoch() const noexcept { return place_.epoch; }
  Sync sync() const noexcept;
  bool resumed() const noexcept;
  /// The checkpoint that it went on from, or null.
  const CheckpointState* resumed_from() const noexcept;
  /// Who interrupted it; empty: nobody.
  std::string_view interrupted() const noexcept;
  Nanoseconds waited_ns() const noexcept;  ///< at boundaries, for deciders
  Bus& bus() const noexcept;
  Control& control() const noexcept;
  const AttachOptions& options() const noexcept;
  const Histogram& publish_ns() const noexcept { return publish_ns_; }
  const Histogram& boundary_ns() const noexcept;  ///< sampled, net of the timer
  std::uint64_t boundaries() const noexcept;
  std::uint64_t waits() const noexcept;  ///< boundaries that waited
  std::span<const AppliedRow> decisions() const noexcept;
  std::span<const RefusedRow> refused() const noexcept;
  std::span<const BrokenRow> broken() const noexcept;
  std::vector<PendingRow> pending() const;  ///< asked for and not in effect
  std::span<const std::string> warnings()
      const noexcept;  ///< sentences for the user: of resuming, and behind finish() of a decider that heard nothing
  std::uint64_t checkpoints_failed() const noexcept;
  /// A sentence for each, of many the first ones and how many more.
  std::vector<std::string> checkpoint_errors() const;
  /// Decisions that nobody here carries out, a sentence each: they have no handler, or there is no snapshot to save.
  std::span<const std::string> not_carried_out() const noexcept;
  /// All that went wrong and ended nothing, a sentence each: pipelines that failed, a checkpoint that couldn't be
  /// saved, and what not_carried_out() says. Behind finish().
  std::vector<std::string> failed() const;

 private:
  friend class detail::LoopInside;

  enum class Open : std::uint8_t {
    no,          ///< a boundary has followed it
    next_batch,  ///< the batch behind the last one
    other
  };
  /// The last event that a boundary may follow.
  struct Place {
    Sequence number = 0;
    Step step = 0;
    Epoch epoch = 0;
    std::int32_t batch = 0;
    Segment segment = Segment::batch;
    Open open = Open::no;
    double learning_rate = 0;
  };

  /// What each boundary touches, together.
  struct Hot {
    detail::BoundaryList list;
    Step last_step = 0;
    const Bell* bell = nullptr;
    bool quick = false;  ///< relaxed, and no request or cut waits for a later boundary
  };

  template <Event E>
  void put(Nanoseconds stamp, const E& event) {
    if constexpr (std::same_as<E, FitBegin>) {
      FitBegin begin = event;
      begin.resumed = resumed();
      producer_.publish_at(stamp, begin);
      behind_fit_begin(begin);
    } else {
      if constexpr (std::same_as<E, EpochEnd>) {
        if (event.partial)
          before_end();
        else
          all_in();
      }
      if constexpr (std::same_as<E, FitEnd>) before_end();
      producer_.publish_at(stamp, event);
    }
    if constexpr (std::same_as<E, BatchEnd>) {
      if (event.step <= hot_.last_step) [[unlikely]]
        return late(event.step);
      place_ = {producer_.next() - 1, event.step,     event.epoch,
                event.batch,          Segment::batch, event.step == hot_.last_step + 1 ? Open::next_batch : Open::other,
                event.learning_rate};
    }
    if constexpr (std::same_as<E, EpochEnd>) leave(Segment::epoch, event.epoch, !event.partial);
    if constexpr (std::same_as<E, ValidationEnd>) leave(Segment::validation, event.epoch, true);
    if constexpr (std::same_as<E, FitEnd>) leave(Segment::fit, event.epoch, false);
  }
  void leave(Segment segment, Epoch epoch, bool open) noexcept {
    place_.number = producer_.next() - 1;
    place_.epoch = epoch;
    place_.segment = segment;
    place_.open = open ? Open::other : Open::no;
  }
  void any_boundary();
  void late(Step step);
  void say_behind(std::function<void()> publish);
  [[gnu::cold]] void rung();
  [[gnu::cold]] Nanoseconds before_sample();
  [[gnu::cold]] void sampled(Nanoseconds begin) noexcept;
  void before_end();
  void all_in() const;  ///< throws ControlError if a step's events are yet to come
  void behind_fit_begin(const FitBegin& begin);
  void add_handler(Name kind, std::function<Outcome(const Decision&, const Cause&)> handler);

  Control& control_;
  Producer producer_;
  std::uint32_t until_sample_ = 1;  // the first publish begins the run
  alignas(cache_line) Place place_;
  Hot hot_;
  bool stopped_ = false;
  Histogram publish_ns_;
  std::unique_ptr<detail::LoopInside> inside_;
};

template <DecisionType D, class F>
requires std::invocable<F&, const D&> || std::invocable<F&, const D&, const Cause&>
void Loop::on(F f) {
  add_handler(decision_info<D>().kind,
              [f = std::move(f)](const Decision& decision, const Cause& cause) mutable -> Outcome {
                const D* const d = decision.get_if<D>();
                if (d == nullptr) return Outcome::refuse("its argument has another size than in this program");
                const auto apply = [&]() -> decltype(auto) {
                  if constexpr (std::invocable<F&, const D&, const Cause&>)
                    return f(*d, cause);
                  else
                    return f(*d);
                };
                if constexpr (std::is_void_v<decltype(apply())>)
                  return apply(), Outcome{};
                else
                  return apply();
              });
}

}  // namespace sidestep
