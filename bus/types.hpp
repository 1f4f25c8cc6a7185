#pragma once

#include <cstddef>
#include <cstdint>

namespace sidestep {

/// The number of an event in the ring that it was published to: 1, 2, 3 ...
using Sequence = std::uint64_t;
/// The number of a training step over the whole run: 1, 2, 3 ... (0: before the first).
using Step = std::int64_t;
/// The number of an epoch: 1, 2, 3 ...
using Epoch = std::int32_t;
/// A time (since 1970-01-01 UTC) or a length of time.
using Nanoseconds = std::int64_t;

inline constexpr std::size_t cache_line = 64;
/// Apart by two lines: the adjacent-line prefetcher fetches pairs.
inline constexpr std::size_t no_sharing = 128;

}  // namespace sidestep
