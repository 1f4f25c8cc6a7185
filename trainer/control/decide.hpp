#pragma once

#include <sidestep/bus/subscription.hpp>
#include <sidestep/operators/stage.hpp>
#include <sidestep/trainer/control/control.hpp>
#include <sidestep/trainer/control/decision.hpp>

#include <memory>
#include <utility>

namespace sidestep {

struct DecideOptions {
  /// This pipeline may depend on the wall clock in lag and lockstep too; the report then says that the run can't be
  /// repeated.
  bool wall_time = false;
};

namespace detail {

/// One deciding pipeline's way to the mailbox: its count, and its decider.
class Asker;
std::shared_ptr<Asker> bind_decider(const std::shared_ptr<ControlCore>& core, Subscription& subscription,
                                    unsigned part);
void ask(Asker& asker, const Decision& decision, Sequence cause);

template <class F, class In>
concept Answers = std::invocable<F&, const In&> && DecisionResult<std::invoke_result_t<F&, const In&>>;

/// The stage at the end of a pipeline that decides. See decide().
template <class F>
class Decide {
 public:
  using is_end = void;
  static constexpr bool decides = true;
  static constexpr std::string_view label = "decide";

  Decide(std::shared_ptr<ControlCore> core, F f, DecideOptions options)
      : core_(std::move(core)), f_(std::move(f)), options_(options) {}

  // for the compiler's word on a wrong program
  static constexpr bool known_state = KnownState<F>;
  template <class In>
  static constexpr bool answers_wrongly = std::invocable<F&, const In&> && !Answers<F, In>;

  template <class In>
  requires KnownState<F> && Answers<F, In>
  using out = void;

  template <class In>
  void operator()(const In& value, auto&& out) {
    each_decision(call(f_, value), [&](const Decision& decision) { ask(*asker_, decision, out.number()); });
  }
  void state(auto& archive) { functor_state(f_, archive); }

  void options(PipelineOptions& pipeline) const {
    pipeline.saved = pipeline.decides = true;
    pipeline.stream = Stream::trainer;
    pipeline.wall_time_allowed = options_.wall_time;
  }
  void bind(Subscription& subscription, unsigned part) { asker_ = bind_decider(core_, subscription, part); }

 private:
  std::shared_ptr<ControlCore> core_;
  std::shared_ptr<Asker> asker_;
  F f_;
  DecideOptions options_;
};

}  // namespace detail

/// Ends a chain: what `f(value)` returns is asked of the training loop, at a batch boundary.
///
///   in   -1--2--9--1--|
///   filter([](double x) { return x > 3; }) | decide(control, [](double) { return Stop{"too high"}; })
///   out  -------stop      in lockstep: at the boundary of that batch
///
/// It returns a decision, an optional one, a variant, or Decisions (several). A functor with a state of its own has
/// `state(archive)`. The pipeline sees the trainer's events alone and is part of each checkpoint. When a decision takes
/// effect, the loop's mode says (in the picture lockstep): docs/control.md. Keeps what f keeps.
template <class F>
detail::Decide<F> decide(Control& control, F f, DecideOptions options = {}) {
  return {control.shared(), std::move(f), options};
}

}  // namespace sidestep
