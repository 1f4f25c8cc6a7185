#pragma once

#include <sidestep/operators/interval.hpp>
#include <sidestep/operators/ports.hpp>

#include <algorithm>
#include <limits>

namespace sidestep {

struct MergeByTimeOptions {
  std::int64_t capacity = 1024;  ///< values that may wait
};

namespace detail {

template <class V>
struct MergeByTime {
  static constexpr std::string_view label = "merge_by_time";
  static constexpr bool wall_time = true;
  struct Waiting {
    Nanoseconds stamp = 0;
    std::uint64_t order = 0;
    Stored<V> value{};
    void state(auto& archive) requires Archivable<Stored<V>> { archive(stamp, order, value); }
  };
  Nanoseconds lateness, newest = std::numeric_limits<Nanoseconds>::min(), out_to = newest;
  std::size_t capacity;
  std::uint64_t order = 0;
  std::vector<Waiting> heap;  // the earliest first
  MergeByTime(Nanoseconds late, std::int64_t most) : lateness(late), capacity(static_cast<std::size_t>(most)) {
    heap.reserve(capacity + 1);
  }

  template <class In>
  using out = V;
  void operator()(const Ported<0, V>& a, auto&& out) { take(a.value, out); }
  void operator()(const Ported<1, V>& b, auto&& out) { take(b.value, out); }
  void operator()(PortOver<0>, auto&&) {}
  void operator()(PortOver<1>, auto&&) {}
  void tick(auto&& out) {
    newest = std::max(newest, out.stamp());
    release(out);
  }
  void end(auto&& out) {
    while (!heap.empty()) emit(out);
  }
  void state(auto& archive) requires Archivable<Stored<V>> {
    archive(newest, out_to, order, heap);
    if (archive.saving()) return;
    if (heap.size() > capacity) throw ArchiveError("more values wait in its saved state than have room.");
    std::make_heap(heap.begin(), heap.end(), later);
  }
  void arguments(auto& show) const { show(lateness); }

 private:
  static bool later(const Waiting& a, const Waiting& b) {
    return a.stamp != b.stamp ? a.stamp > b.stamp : a.order > b.order;
  }
  void take(const V& value, auto&& out) {
    const Nanoseconds stamp = out.stamp();
    if (stamp < out_to) return;  // too late: one with a later stamp is out
    newest = std::max(newest, stamp);
    heap.push_back({stamp, order++, Storage<V>::store(value)});
    std::push_heap(heap.begin(), heap.end(), later);
    if (heap.size() > capacity) emit(out);  // it may be the new one
    release(out);
  }
  void release(auto&& out) {
    // unsigned: no lateness is too long for it
    const auto age = [&] {
      return static_cast<std::uint64_t>(newest) - static_cast<std::uint64_t>(heap.front().stamp);
    };
    while (!heap.empty() && age() >= static_cast<std::uint64_t>(lateness)) emit(out);
  }
  void emit(auto&& out) {
    std::pop_heap(heap.begin(), heap.end(), later);
    const Waiting first = std::move(heap.back());
    heap.pop_back();
    out_to = std::max(out_to, first.stamp);
    out.at(first.stamp, Storage<V>::load(first.value));
  }
};

}  // namespace detail

/// Brings two chains together in the order of their events' stamps: a value waits until nothing earlier can come any
/// more.
///
///   a    -1-----3-----5--|
///   b    ---2-----4------|
///   merge_by_time(2ns, a, b)
///   out  ---1-2---3-4---5|
///
/// An event is out when the newest stamp (or a tick's time) is `lateness` past its own. One that comes with a stamp
/// before what is already out is dropped; equal stamps keep the order in which they came. What follows sees a value at
/// its own stamp. When `capacity` (1,024) wait, the earliest goes at once. Semantics: Flink's watermarks with bounded
/// out-of-orderness.
template <detail::Input A, detail::Input B>
requires std::same_as<detail::ValueOf<A>, detail::ValueOf<B>>
auto merge_by_time(std::chrono::nanoseconds lateness, A a, B b, MergeByTimeOptions options = {}) {
  if (lateness.count() < 0) detail::refuse("merge_by_time", lateness.count(), "lateness must not be negative");
  if (options.capacity < 1) detail::refuse("merge_by_time", options.capacity, "at least 1 value must be able to wait");
  return detail::combined("merge_by_time", detail::MergeByTime<detail::ValueOf<A>>(lateness.count(), options.capacity),
                          std::move(a), std::move(b));
}

}  // namespace sidestep
