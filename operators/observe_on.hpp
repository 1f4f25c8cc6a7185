#pragma once

#include <sidestep/operators/channel.hpp>
#include <sidestep/operators/executor.hpp>
#include <sidestep/operators/stage.hpp>

namespace sidestep {

namespace detail {

/// The last stage before an observe_on: hands each value over to the part behind it.
template <class V>
struct Handover {
  using is_handover = void;
  static constexpr std::string_view label = "observe_on";
  Executor* executor;
  std::size_t capacity;
  std::string_view where;
  Channel<V>* channel = nullptr;

  Handover(Executor& on, std::size_t most, std::string_view called) : executor(&on), capacity(most), where(called) {}
  template <class In>
  using out = In;
  SIDESTEP_INLINE void operator()(const V& value, auto&& out) {
    if (!channel->push(value, out.stamp(), out.number())) [[unlikely]]
      out.done();
  }
  void announce() noexcept { channel->announce(); }
  void state(auto&) {}
  void arguments(auto& show) const { show(where); }
};

}  // namespace detail

/// What follows runs elsewhere: on `io` (threads of its own, for what blocks), on `compute` (a oneTBB arena, for what
/// computes), or on an Executor of yours. In order, one value at a time, through a bounded queue.
///
///   in   --1--2--3--|
///   observe_on(io)
///   out  --1--2--3--|      on another thread
///
/// Lossless: when `capacity` values wait, the thread before it waits too, and behind it, in the end, the publisher
/// (counted). A part that takes nothing for the bus' deadline is failed. Each part keeps its own state, on its own
/// thread; a checkpoint doesn't ask where. Memory: grows with the backlog up to `capacity` values, and is kept.
/// Semantics: RxJava 3 `observeOn`, with back-pressure by waiting.
struct observe_on {
  Executor* executor;
  ObserveOptions options;
  std::string_view where = "executor";  ///< for describe()

  explicit observe_on(IoExecutor, ObserveOptions how = {})
      : executor(&IoExecutor::executor()), options(how), where("io") {}
  explicit observe_on(ComputeExecutor, ObserveOptions how = {})
      : executor(&ComputeExecutor::executor()), options(how), where("compute") {}
  explicit observe_on(Executor& where, ObserveOptions how = {}) : executor(&where), options(how) {}

  template <class In>
  requires detail::Storable<In> detail::Handover<In> place() && {
    return {*executor, options.capacity, where};
  }
};

}  // namespace sidestep
