#pragma once

#include <sidestep/bus/bus.hpp>
#include <sidestep/operators/describe.hpp>
#include <sidestep/operators/fused.hpp>
#include <sidestep/operators/storage.hpp>
#include <sidestep/operators/windowed.hpp>

namespace sidestep {

namespace detail {

/// A chain's options: behind a pointer, and made and destroyed out of line, since they are handed on with each stage.
class HeldOptions {
 public:
  HeldOptions(PipelineOptions&& options);
  HeldOptions(const HeldOptions& other);  // an unfinished chain may be the beginning of several
  HeldOptions(HeldOptions&& other) noexcept : at_(std::exchange(other.at_, nullptr)) {}
  HeldOptions& operator=(HeldOptions) = delete;
  ~HeldOptions() {
    if (at_ != nullptr) destroy();
  }
  PipelineOptions& operator*() noexcept { return *at_; }
  PipelineOptions* operator->() noexcept { return at_; }

 private:
  void destroy() noexcept;
  PipelineOptions* at_;
};
/// The pipeline is complete: it goes on the bus.
Handle add_to(Bus& bus, std::unique_ptr<Pipeline> pipeline, HeldOptions&& options);

}  // namespace detail

/// A chain that has no end yet. `V` is what its last stage emits.
template <class V, class Flow, class Types, class... S>
struct [[nodiscard("this pipeline has no end: add subscribe(...) or decide(...)")]] Pipe {
  Bus* bus;
  detail::HeldOptions options;
  detail::Stages<S...> stages;
};

/// A chain without a source: what group_by, partition and share hold copies of. Built by the same `|`, from what a
/// functor of the user's does with a beginning: `[](auto in) { return std::move(in) | window(count(10)) | mean(); }`.
/// `V` is what its last stage emits; void when it ends with subscribe(...).
template <class V, class... S>
struct Fragment {
  detail::Stages<S...> stages;
};

namespace detail {

template <class P>
struct Chained;  // how a Source or a Pipe is continued
template <class V, class F, class... T, class... S>
struct Chained<Pipe<V, F, TypeList<T...>, S...>> {
  using Value = V;
  static constexpr bool saveable = (Saveable<S> && ...);
  static Pipe<V, F, TypeList<T...>, S...>&& pipe(Pipe<V, F, TypeList<T...>, S...>&& pipe) { return std::move(pipe); }
};
template <Event... E>
struct Chained<Source<E...>> {
  using Value = typename Entry<open_end, E...>::Value;
  static constexpr bool saveable = true;
  static auto pipe(Source<E...>&& source) {
    return Pipe<Value, Flow<std::index_sequence<>, Entry<open_end, E...>>, TypeList<>>{
        source.bus, std::move(source.options), {}};
  }
};

// version 14 takes these for expressions
// clang-format off
template <class Op>
concept IsSaved = requires { requires Op::saved; };
template <class Op>
concept Decides = requires { requires Op::decides; };
template <class Op>
concept NeedsState = End<Op> && (IsSaved<Op> || Decides<Op>);
template <class P, class Op>
concept LacksWindow = requires { requires Op::reduces_windows; } && !is_windowed<typename Chained<P>::Value>;

template <class P, class Op>
concept Fits = Accepts<Placed<typename Chained<P>::Value, Op>, typename Chained<P>::Value> &&
               (!NeedsState<Op> || (Chained<P>::saveable && Saveable<Op>));
// clang-format on

/// The lines of describe(): where values come in, each stage, what it emits.
template <class Flow, std::size_t... I, class... S, class... T>
std::vector<std::string> described(const Leaves<std::index_sequence<I...>, S...>& stages, TypeList<T...>) {
  static constexpr DescribedStage lines[] = {{&describe_stage<S>, type_name<T>(), std::is_void_v<T>}...};
  const void* const at[] = {&stage<I>(stages)...};
  return describe_chain({.lines = lines,
                         .stages = at,
                         .next = Flow::next.data(),
                         .count = sizeof...(S),
                         .targets = Flow::targets.data(),
                         .types = Flow::types.data(),
                         .entries = Flow::entries});
}

/// One stage more; an end adds the whole to the bus.
template <class V, class F, class... T, class... S, class Op>
auto continued(Pipe<V, F, TypeList<T...>, S...>&& pipe, Op&& op) {
  using Placed = std::remove_cvref_t<Op>;
  using Emits = typename Placed::template out<V>;
  using Next = typename Appended<F>::type;
  using Types = TypeList<T..., Emits>;
  if constexpr (requires { requires Placed::wall_time; }) pipe.options->wall_time = true;
  if constexpr (End<Placed>) {
    if constexpr (IsSaved<Placed>) pipe.options->saved = true;
    if constexpr (Decides<Placed>) pipe.options->decides = true;
    if constexpr (requires { op.options(*pipe.options); }) op.options(*pipe.options);
    auto stages = append(std::move(pipe.stages), std::move(op));
    auto lines = described<Next>(stages, Types{});
    return add_to(*pipe.bus, fuse<Next, Types>(std::move(stages), std::move(lines)), std::move(pipe.options));
  } else {
    return Pipe<Emits, Next, Types, S..., Placed>{pipe.bus, std::move(pipe.options),
                                                  append(std::move(pipe.stages), std::move(op))};
  }
}

template <class V, class... S>
struct Chained<Fragment<V, S...>> {
  using Value = V;
  static constexpr bool saveable = true;  // the stage that holds it asks
  static Fragment<V, S...>&& pipe(Fragment<V, S...>&& fragment) { return std::move(fragment); }
};

/// What a fragment becomes by a stage that can't stand in one. The stage that was to hold it says so, at the user's
/// line.
template <Wrong w>
struct Misplaced {
  static constexpr Wrong misplaced = w;
};
template <Wrong w, class Op>
Misplaced<w> operator|(Misplaced<w>, Op) {
  return {};
}

template <class V, class... S, class Op>
auto continued(Fragment<V, S...>&& fragment, Op&& op) {
  using Placed = std::remove_cvref_t<Op>;
  if constexpr (Decides<Placed>)
    return Misplaced<Wrong::decide_within>{};
  else if constexpr (IsHandover<Placed>)
    return Misplaced<Wrong::handover_within>{};
  else
    return Fragment<typename Placed::template out<V>, S..., Placed>{append(std::move(fragment.stages), std::move(op))};
}

template <class Build, class V>
using BuiltOf = decltype(std::declval<Build&>()(std::declval<Fragment<V>>()));
template <class Build, class V>
concept BuildsMisplaced = requires {
  BuiltOf<Build, V>::misplaced;
};
/// Of several fragments that are built over V: what the first is misplaced for.
template <class V, class... Build>
constexpr Wrong misplaced() {
  Wrong why = Wrong::nothing;
  const auto look = [&]<class B>(TypeList<B>) {
    if constexpr (BuildsMisplaced<B, V>)
      if (why == Wrong::nothing) why = BuiltOf<B, V>::misplaced;
  };
  (look(TypeList<Build>{}), ...);
  return why;
}

template <class P>
concept Chain = requires {
  typename Chained<P>::Value;
};

}  // namespace detail

/// Puts a stage behind a source or a pipe; behind an end stage the pipeline is on the bus, and the result is its
/// Handle.
template <detail::Chain P, class Op>
requires detail::Fits<P, Op>
auto operator|(P chain, Op op) {
  using V = typename detail::Chained<P>::Value;
  return detail::continued(detail::Chained<P>::pipe(std::move(chain)), detail::place<V>(std::move(op)));
}

namespace detail {

/// Has `Op` a member of this name, whatever it is, and whatever its constraints? Then the name is ambiguous here.
struct NamesOut {
  int out;
};
struct NamesPlace {
  int place;
};
template <class Op, class Names>
struct MixedWith : Op, Names {};
template <class Op>
concept Extends = std::is_class_v<Op> && !std::is_final_v<Op>;

// clang-format off
/// Says what it emits, or is placed and does so then.
template <class Op>
concept NamesOutOrPlace = !requires { &MixedWith<Op, NamesOut>::out; } || !requires { &MixedWith<Op, NamesPlace>::place; };
template <class Op>
concept JoinsChain = requires { typename Op::joins_chain; };
// clang-format on

template <class... S>
struct Row;
template <class P, class R>
struct RowOn;
template <class Op>
inline constexpr bool is_row = false;
template <class... S>
inline constexpr bool is_row<Row<S...>> = true;
template <class P, class Op>
constexpr Wrong wrong();

/// Stages without a beginning: `auto smooth = map(f) | window(sliding(10)) | mean();`, for any number of chains:
/// `source | smooth`. Where a chain is built by a functor of the user's (share, group_by, over), such a row is one.
template <class... S>
struct [[nodiscard("these stages have no source: put them behind bus.on<...>()")]] Row {
  Stages<S...> stages;

  template <Chain P>
  requires(RowOn<P, Row>::fits) auto operator()(P chain) const { return std::move(chain) | *this; }
};

/// What a chain of type P becomes by the stages of a row.
template <class P>
struct RowOn<P, Row<>> {
  static constexpr bool fits = true;
  static constexpr Wrong wrong() { return Wrong::nothing; }
};
template <class P, class Op, class... S>
struct RowOn<P, Row<Op, S...>> {
  static constexpr bool fits = false;
  static constexpr Wrong wrong() {
    if constexpr (Chain<P>)
      return detail::wrong<P, Op>();
    else
      return Wrong::behind_the_end;
  }
};
template <Wrong w, class Op, class... S>  // whoever was to hold it says so
struct RowOn<Misplaced<w>, Row<Op, S...>> {
  static constexpr bool fits = true;
  static constexpr Wrong wrong() { return Wrong::nothing; }
};
template <Chain P, class Op, class... S>
requires Fits<P, Op>
struct RowOn<P, Row<Op, S...>> : RowOn<decltype(std::declval<P>() | std::declval<Op>()), Row<S...>> {
};

/// Something that says `out` or `place`, as every stage does, and isn't the beginning of a chain.
// clang-format off
template <class Op>
concept StageOfRow = !Chain<Op> && Extends<Op> && !JoinsChain<Op> && (is_row<Op> || NamesOutOrPlace<Op>);
// clang-format on

template <class Op>
Row<Op> row_of(Op op) {
  return {{{std::move(op)}}};
}
template <class... S>
Row<S...> row_of(Row<S...> row) {
  return row;
}

/// Has it such a member that is data? Then it is no stage: a stage's are a template and a function.
template <class Build>
concept HoldsOutOrPlace = requires(Build& build) {
  build.out;
}
|| requires(Build& build) { build.place; };

/// What builds a chain of a beginning: a functor of the user's, or stages, of which one is a row, too.
template <class Build>
auto builder_of(Build build) {
  if constexpr (StageOfRow<Build> && !HoldsOutOrPlace<Build>)
    return row_of(std::move(build));
  else
    return build;
}
template <class Build>
using BuilderOf = decltype(builder_of(std::declval<Build>()));

template <StageOfRow A, StageOfRow B>
auto operator|(A a, B b) {
  return []<class... S, class... T>(Row<S...> first, Row<T...> then) {
    return Row<S..., T...>{join(std::move(first.stages), std::move(then.stages))};
  }(row_of(std::move(a)), row_of(std::move(b)));
}

template <std::size_t I, class P, class... S>
auto put_row(P&& chain, Row<S...>& row) {
  if constexpr (I == sizeof...(S))
    return std::move(chain);
  else
    return put_row<I + 1>(std::move(chain) | std::move(stage<I>(row.stages)), row);
}

}  // namespace detail
using detail::operator|;

/// Puts the stages of a row behind a source or a pipe, one after the other.
template <detail::Chain P, class... S>
requires(detail::RowOn<P, detail::Row<S...>>::fits) auto operator|(P chain, detail::Row<S...> row) {
  return detail::put_row<0>(std::move(chain), row);
}

// A wrong program: the first line of the error is the user's `|` and says what is wrong and what mends it.
namespace detail {

/// Is a stage made for a type of values that can't be saved: one of those that the chain emits, or one with a payload?
template <class S, class... T>
inline constexpr bool unsaved_value = CarriesPayload<S> || std::same_as<S, PayloadRef> ||
                                      ((std::same_as<S, T> && !Archivable<Stored<T>>) || ...);
template <class S, class... T>
inline constexpr bool made_for_unsaved = false;
template <template <class...> class S, class... A, class... T>
inline constexpr bool made_for_unsaved<S<A...>, T...> = ((unsaved_value<A, T...> || made_for_unsaved<A, T...>) || ...);
template <template <bool, class...> class S, bool b, class... A, class... T>  // scan, combine_latest and their kin
inline constexpr bool made_for_unsaved<S<b, A...>, T...> = ((unsaved_value<A, T...> || made_for_unsaved<A, T...>) ||
                                                            ...);

/// Of what stands before the end, the first stage that can't save its state.
template <class Op, class... Before>
struct UnsavedOf {
  using type = Op;
};
template <class Op, class S, class... Before>
struct UnsavedOf<Op, S, Before...> : std::conditional_t<Saveable<S>, UnsavedOf<Op, Before...>, UnsavedOf<S>> {};
template <class P, class Op>
struct Unsaved : UnsavedOf<Op> {
  static constexpr bool keeps = false;
};
template <class V, class F, class... T, class... S, class Op>
struct Unsaved<Pipe<V, F, TypeList<T...>, S...>, Op> : UnsavedOf<Op, S...> {
  /// The values that it keeps are what can't be saved, not its functor: it is made for one of them.
  static constexpr bool keeps = made_for_unsaved<typename UnsavedOf<Op, S...>::type, T...>;
};

// clang-format off
template <class Op>
concept SaysWhatItEmits = std::is_final_v<Op> || (Extends<Op> && NamesOutOrPlace<Op>);
template <class Op, class V>
concept TakesNoOut = std::invocable<Op&, const V&> && !std::invocable<Op&, const V&, AnyOut&>;
template <class Op>
concept CapturesUnsaved = NeedsState<Op> && (!Saveable<Op> || requires { requires !Op::known_state; });
template <class Op, class V>
concept AnswersWrongly = requires { requires Op::template answers_wrongly<V>; };
template <class Op, class V>
concept SaysWhy = requires { requires Op::template why<V> != Wrong::nothing; };
template <class Op>
concept ReducesWindows = requires { requires Op::reduces_windows; };
// clang-format on

template <class P, class Op>
constexpr Wrong wrong() {
  if constexpr (!Chain<P>) {
    return Wrong::nothing;  // version 14 of clang++ asks before it looks at the constraints
  } else {
    using V = typename Chained<P>::Value;
    if constexpr (std::is_void_v<V>) {
      return Wrong::behind_the_end;
    } else if constexpr (Fits<P, Op>) {
      return Wrong::nothing;  // and nothing more is compiled of a right program
    } else if constexpr (JoinsChain<Op>) {
      return Op::template joins<P> ? Wrong::nothing : Wrong::joins;
    } else if constexpr (is_row<Op>) {
      return RowOn<P, Op>::wrong();
    } else if constexpr (SaysWhy<Op, V> && (!is_windowed<V> || ReducesWindows<Op>)) {
      return Op::template why<V>;
    } else {
      if (LacksWindow<P, Op>) return Wrong::lacks_window;
      if (is_windowed<V>) return ReducesWindows<Op> ? Wrong::no_number : Wrong::lacks_statistic;
      if (std::is_function_v<std::remove_pointer_t<Op>> && !std::invocable<Op, const V&>) return Wrong::not_called;
      if (NeedsState<Op> && !Chained<P>::saveable)
        return Unsaved<P, Op>::keeps ? Wrong::stage_keeps : Wrong::stage_unsaved;
      if (CapturesUnsaved<Op>) return Wrong::end_unsaved;
      if (!SaysWhatItEmits<Op>) return TakesNoOut<Op, V> ? Wrong::no_stage : Wrong::lacks_out;
      if (TakesNoOut<Placed<V, Op>, V>) return Wrong::takes_no_out;
      return AnswersWrongly<Op, V> ? Wrong::answer : Wrong::input;
    }
  }
}

}  // namespace detail
}  // namespace sidestep
