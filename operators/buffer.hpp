#pragma once

#include <sidestep/operators/collect.hpp>
#include <sidestep/operators/session_window.hpp>
#include <sidestep/operators/sliding_time_window.hpp>
#include <sidestep/operators/window_by.hpp>
#include <sidestep/operators/window_until.hpp>

#include <limits>
#include <vector>

namespace sidestep {

struct BufferOptions {
  std::int64_t at_most;  ///< values that a buffer holds; what happens beyond: see buffer
};

namespace detail {

/// What is seen of stored values where they aren't stored as they are seen.
template <class V>
requires(!std::same_as<Stored<V>, V>) struct Storage<std::vector<V>> {
  struct type {
    std::vector<Stored<V>> stored;
    mutable std::vector<V> seen;  // made anew by each load
    void state(auto& archive) requires Archivable<Stored<V>> { archive(stored); }
  };
  static type store(const std::vector<V>& values) {
    type all;
    for (const V& value : values) all.stored.push_back(Storage<V>::store(value));
    return all;
  }
  static const std::vector<V>& load(const type& all) {
    all.seen.clear();
    for (const Stored<V>& each : all.stored) all.seen.push_back(Storage<V>::load(each));
    return all.seen;
  }
};

template <class V>
struct Seen {
  std::vector<V> values;
  const std::vector<V>& of(const std::vector<Stored<V>>& stored) {
    values.clear();
    for (const Stored<V>& each : stored) values.push_back(Storage<V>::load(each));
    return values;
  }
};
template <class V>
requires std::same_as<Stored<V>, V>
struct Seen<V> {
  const std::vector<V>& of(const std::vector<V>& stored) { return stored; }
};

/// Holds a window's stage and collects what that says.
template <class V, class Window>
struct Buffer {
  static constexpr std::string_view label = "buffer";
  static constexpr bool wall_time = requires { requires Window::wall_time; };
  using Message = typename Window::template out<V>;
  static constexpr bool overlaps = Message::kind == WindowKind::sliding;
  Window window;
  std::size_t most;
  std::vector<Stored<V>> stored;  // its memory is kept from one window to the next
  [[no_unique_address]] Seen<V> seen;
  std::size_t gone = 0;   // of `stored`, from its begin on
  std::size_t early = 0;  // left for want of room before the window lets them go
  Buffer(Window w, std::size_t at_most) : window(std::move(w)), most(at_most) {}

  template <class In>
  using out = std::vector<V>;
  SIDESTEP_INLINE void operator()(const V& value, auto&& out) { window(value, inner(out)); }
  void tick(auto&& out) requires requires(Window& w, AnyOut any) { w.tick(any); }
  { window.tick(inner(out)); }
  void end(auto&& out) {
    if constexpr (requires { window.end(inner(out)); }) window.end(inner(out));
    if (!overlaps) emit(true, out);
  }
  void state(auto& archive) requires Saveable<Window> && Archivable<std::vector<Stored<V>>> &&(!std::same_as<V, bool>) {
    drop_gone();
    window.state(archive);
    archive(stored, early);
  }
  void arguments(auto& show) const {
    show(Window::label);
    if constexpr (requires { window.arguments(show); }) window.arguments(show);
    if (most != std::numeric_limits<std::size_t>::max()) show(most);
  }

 private:
  template <class Out>
  struct Inner {
    Buffer& buffer;
    Out& out;
    SIDESTEP_INLINE void operator()(const Message& message) const { buffer.take(message, out); }
    void done() const { out.done(); }
    Nanoseconds stamp() const { return out.stamp(); }
    Sequence number() const { return out.number(); }
  };
  template <class Out>
  SIDESTEP_INLINE Inner<Out> inner(Out& out) {
    return {*this, out};
  }

  SIDESTEP_INLINE void take(const Message& message, auto& out) {
    if constexpr (overlaps)
      if (message.leaves != nullptr) leave();
    if (message.enters != nullptr) {
      if constexpr (overlaps)
        if (stored.size() - gone >= most) [[unlikely]]
          ++gone, ++early;
      if (gone > stored.size() / 2) drop_gone();
      stored.push_back(Storage<V>::store(*message.enters));
    }
    const bool full = !overlaps && stored.size() >= most;
    if (message.emits || full) [[unlikely]]
      emit(!overlaps || message.clears, out);
  }
  void leave() {
    if (early > 0) {
      --early;
      return;
    }
    if (gone == stored.size()) throw ArchiveError("the state of a buffer isn't that of its window.");
    ++gone;
  }
  void drop_gone() {
    stored.erase(stored.begin(), stored.begin() + static_cast<std::ptrdiff_t>(gone));
    gone = 0;
  }
  SIDESTEP_APART void emit(bool clears, auto& out) {
    drop_gone();
    if (!stored.empty()) out(seen.of(stored));
    if (!clears) return;
    stored.clear();
    early = 0;
  }
};

/// What buffer takes; and what of it holds no more values than it says itself.
template <class Spec>
inline constexpr bool window_spec = false;
template <>
inline constexpr bool window_spec<CountSpec> = true;
template <>
inline constexpr bool window_spec<SlidingSpec> = true;
template <>
inline constexpr bool window_spec<TimeSpec> = true;
template <>
inline constexpr bool window_spec<SessionSpec> = true;
template <>
inline constexpr bool window_spec<SlidingTimeSpec> = true;
template <class F>
inline constexpr bool window_spec<BySpec<F>> = true;
template <class F>
inline constexpr bool window_spec<UntilSpec<F>> = true;
template <class Spec>
concept WindowSpec = window_spec<Spec>;
template <class Spec>
concept BoundedWindowSpec =
    std::same_as<Spec, CountSpec> || std::same_as<Spec, SlidingSpec> || std::same_as<Spec, SlidingTimeSpec>;

/// A buffer before it knows what it holds.
template <class Spec>
struct BufferOf {
  Spec spec;
  std::size_t most = std::numeric_limits<std::size_t>::max();
  template <class In>
  requires requires(Spec s) { sidestep::window(std::move(s)).template place<In>(); }
  auto place() && {
    auto stage = sidestep::window(std::move(spec)).template place<In>();
    return Buffer<In, decltype(stage)>(std::move(stage), most);
  }
};

}  // namespace detail

/// Collects the values of each window and emits them together, as a std::vector.
///
///   in   --1--2--3--4--5--|
///   buffer(count(2))
///   out  -----[1,2]-[3,4]-[5]|
///
///   in   --1--2--3------4----|
///   buffer(session(4ns), {.at_most = 2})
///   out  -----[1,2]--[3]----[4]|
///
///   in   --1--2--3--4--|
///   buffer(sliding(3, 1))
///   out  --------[1,2,3][2,3,4]|
///
/// Of every window that there is: count, sliding, time, sliding_time, session, by, until; see there when each closes.
/// An empty one emits nothing. Those of time, session, by and until say their bound, `{.at_most = n}`, or `unbounded`.
/// Where windows don't overlap, a buffer that is full is emitted before its window closes, and the window goes on with
/// an empty one (the size in RxJS' `bufferTime`, Reactor's `bufferTimeout`); where they do, its oldest value leaves
/// before its time.
///
/// What is emitted is a reference to memory that is used again: copy what you keep (operators do). So nothing is
/// allocated once it has grown; behind observe_on each buffer is a copy. Keeps a window's values; of overlapping ones
/// at most twice that. Semantics: RxJava 3 `buffer`, with the edges of the window.
template <detail::BoundedWindowSpec Spec>
detail::BufferOf<Spec> buffer(Spec spec) {
  return {std::move(spec)};
}
template <detail::WindowSpec Spec>
detail::BufferOf<Spec> buffer(Spec spec, BufferOptions how) {
  if (how.at_most < 1) detail::refuse("buffer", how.at_most, "a buffer holds at least 1 value");
  return {std::move(spec), static_cast<std::size_t>(how.at_most)};
}
template <detail::WindowSpec Spec>
detail::BufferOf<Spec> buffer(Spec spec, Unbounded) {
  return {std::move(spec)};
}

// A wrong program: `buffer(session(1s))`.
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wgcc-compat"
template <detail::WindowSpec Spec>
requires(!detail::BoundedWindowSpec<Spec>) detail::BufferOf<Spec> buffer(Spec)
__attribute__((
    diagnose_if(true, "this buffer needs its bound: buffer(session(1s), {.at_most = 1000}), or unbounded", "error")));
#pragma clang diagnostic pop
#else
template <class Spec>
struct this_buffer_needs_its_bound_as_in_buffer_session_1s_at_most_1000_or_unbounded : detail::BufferOf<Spec> {};
template <detail::WindowSpec Spec>
requires(!detail::BoundedWindowSpec<Spec>)
    this_buffer_needs_its_bound_as_in_buffer_session_1s_at_most_1000_or_unbounded<Spec> buffer(Spec)
= delete;
#endif

}  // namespace sidestep
