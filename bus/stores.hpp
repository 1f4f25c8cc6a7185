#pragma once

#include <sidestep/bus/words.hpp>

#include <string_view>

#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
#if defined(__has_feature)
#if !__has_feature(thread_sanitizer)
#define SIDESTEP_STREAMING_STORES
#endif
#else
#define SIDESTEP_STREAMING_STORES
#endif
#endif
#ifdef SIDESTEP_STREAMING_STORES
#include <emmintrin.h>
#endif

namespace sidestep {

/// How a producer writes an event into its ring.
enum class Stores : std::uint8_t {
  automatic,  ///< where the CPU has it and a short probe finds it faster, streaming within bursts of events, else plain
  plain,      ///< field by field, then the number with a release store: portable, and what C++'s memory model describes
  streaming,  ///< the whole line by one 64-byte store past the caches (AVX-512): the writer never takes the line from a
              ///< reader
};

/// The CPU, its system and this build can store 64 bytes at once.
bool streaming_supported() noexcept;
/// What `automatic` means on this machine; measured once for a process, which takes some milliseconds.
Stores fastest_stores();
/// Measures it anew. The calling thread keeps its CPU meanwhile, and then may run where it might before.
Stores measure_stores();
/// The form that is used where this one is asked for: never `automatic`, and `plain` where the CPU lacks the other.
Stores resolve(Stores asked);
/// "plain" or "streaming" where this one is asked for, and why: for people.
std::string_view describe(Stores asked);

/// How close behind each other, in nanoseconds, two events are for the second to be streamed. An event that comes
/// behind a pause reaches a reader that waits for it sooner when it is stored plainly (one line goes from core to core;
/// a streamed one goes by way of memory), and costs its writer no more if the line has the time to come while he works:
/// there and back is 130 to 500 ns, as cores are near or far.
enum class StreamWithin : std::uint64_t { nothing = 0, burst = 700, always = ~std::uint64_t{0} };
/// What a bus whose user asked for `asked` does.
StreamWithin stream_within(Stores asked);

/// Writes one slot by one 64-byte streaming store.
///
/// It may become visible before stores that the thread made earlier, so only events that refer to nothing else go this
/// way (see SelfContained). Its two halves may appear one behind the other: each holds what tells a reader that it is
/// there (Slot::check).
#ifdef SIDESTEP_STREAMING_STORES
inline void stream_slot(Slot& to, Sequence number, Nanoseconds stamp, const Words& body,
                        std::uint64_t header) noexcept {
  const auto pair = [](std::uint64_t low, std::uint64_t high) {
    return _mm_set_epi64x(static_cast<long long>(high), static_cast<long long>(low));
  };
  const __m128i a = pair(number, static_cast<std::uint64_t>(stamp)), b = pair(body[0], body[1]),
                c = pair(body[2], body[3]), d = pair(body[4], header);
  // Assembly, since the function must inline into code that is compiled for any x86-64. zmm16 and above: no compiler
  // uses them there, and writing them needs no vzeroupper.
  asm volatile(
      "vinserti32x4 $1, %1, %g0, %%zmm16\n\t"
      "vinserti32x4 $2, %2, %%zmm16, %%zmm16\n\t"
      "vinserti32x4 $3, %3, %%zmm16, %%zmm16\n\t"
      "vmovntdq %%zmm16, %4"
      :
      : "x"(a), "x"(b), "x"(c), "x"(d), "m"(to)  // read by others: "memory" says that it is written
      : "memory"
#ifdef __AVX512F__
        ,
        "xmm16"
#endif
  );
}
#endif

}  // namespace sidestep
