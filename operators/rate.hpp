#pragma once

#include <sidestep/operators/window.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace sidestep {

namespace detail {

/// By the stamps of the oldest and the newest value; of a window of a known time, by that.
template <class W>
struct Rate {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "rate";
  static constexpr bool wall_time = true;
  static constexpr bool slides = W::kind == WindowKind::sliding;
  std::vector<Nanoseconds> ring;  // of a sliding window: the stamps of its values
  std::size_t oldest = 0;         // in the ring
  Nanoseconds first = 0, newest = std::numeric_limits<Nanoseconds>::min(), length = 0;
  std::int64_t n = 0;

  template <class In>
  using out = double;
  SIDESTEP_INLINE void operator()(const W& window, auto&& out) {
    if constexpr (slides)
      if (window.leaves != nullptr) leave();
    if (window.enters != nullptr) {
      newest = std::max(newest, out.stamp());  // time doesn't go back
      if constexpr (slides) enter(window.size);
      if (n++ == 0) first = newest;
    }
    if constexpr (W::kind == WindowKind::timed) length = static_cast<Nanoseconds>(window.size);
    if (window.emits) [[unlikely]] {
      out(length > 0 ? static_cast<double>(n) * 1e9 / static_cast<double>(length) : between_stamps());
      if (W::kind == WindowKind::tumbling || W::kind == WindowKind::timed || window.clears) clear();
    }
  }
  void end(auto&& out) {
    if ((W::kind == WindowKind::tumbling || W::kind == WindowKind::timed) && n > 0 && length == 0)
      out(between_stamps());
    clear();
  }
  void state(auto& archive) {
    std::vector<Nanoseconds> stamps;
    if (archive.saving() && slides)
      for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) stamps.push_back(ring[(oldest + i) % ring.size()]);
    archive(stamps, first, newest, length, n);
    if (archive.saving()) return;
    if (n < 0 || length < 0 || (slides && stamps.size() != static_cast<std::size_t>(n)))
      throw ArchiveError("a rate's state is of another length.");
    ring = std::move(stamps);
    oldest = 0;
  }

 private:
  void leave() {
    if (n == 0) [[unlikely]]
      throw ArchiveError("a rate's state isn't that of the window before it.");
    if (++oldest == ring.size()) oldest = 0;
    if (--n > 0) first = ring[oldest];
  }
  void enter(std::size_t size) {
    const auto held = static_cast<std::size_t>(n);
    if (ring.size() != size) [[unlikely]] {  // it begins, or was loaded with what it held alone, or held fewer
      if (held > size) throw ArchiveError("a rate's state is of another length.");
      std::rotate(ring.begin(), ring.begin() + static_cast<std::ptrdiff_t>(oldest), ring.end());
      ring.resize(size);
      oldest = 0;
    }
    if (held == size) [[unlikely]]
      throw ArchiveError("a rate's state isn't that of the window before it.");
    std::size_t at = oldest + held;
    if (at >= size) at -= size;
    ring[at] = newest;
  }
  double between_stamps() const {
    if (n < 2) return std::nan("");
    return static_cast<double>(n - 1) * 1e9 / nanoseconds_between(first, newest);
  }
  void clear() { n = 0, oldest = 0; }
};

}  // namespace detail

/// Events per second of event time, over each window; of any values.
///
///   in   -1-2-3-4----|
///   window(count(2)) | rate() | map([](double x) { return x / 1e8; })
///   out  ---5---5----|
///
///   in   -1-2---3---4--5|
///   window(time(4ns)) | rate() | map([](double x) { return x / 2.5e8; })
///   out  ----2---1---1--|      the last interval isn't over
///
/// Over windows of a number of values, sessions, and windows that slide: (values - 1) / (newest stamp - oldest stamp),
/// so NaN of one value and infinity of several at one moment; a value with an earlier stamp counts as of the newest of
/// its windows. Over window(time(t)): values / t; the one that the end of the stream cuts short emits nothing. It
/// depends on clocks. Keeps four numbers; over a sliding window the stamps of its n values, too.
struct rate {
  static constexpr bool reduces_windows = true;
  template <class In>
  requires is_windowed<In>
  auto place() && { return detail::Rate<In>(); }
};

}  // namespace sidestep
