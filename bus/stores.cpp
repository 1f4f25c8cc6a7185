#include <sidestep/bus/pause.hpp>
#include <sidestep/bus/ring.hpp>
#include <sidestep/bus/stores.hpp>

#include <sched.h>

#include <algorithm>
#include <limits>
#include <system_error>
#include <thread>

namespace sidestep {
namespace {

constexpr int probe_events = 1 << 15;

/// Threads that take turns on one core would measure its own cache.
void leave_cpu(int cpu) noexcept {
  cpu_set_t set;
  if (cpu < 0 || sched_getaffinity(0, sizeof set, &set) != 0) return;
  CPU_CLR(cpu, &set);
  sched_setaffinity(0, sizeof set, &set);
}

/// Waits for the other thread, which may be at work or without a core.
class Patience {
 public:
  void operator()() noexcept {
    if (++waited_ % 64 == 0) std::this_thread::yield();
    else pause();
  }

 private:
  unsigned waited_ = 0;
};

/// How long it takes to hand events to another thread, in nanoseconds.
Nanoseconds hand_over([[maybe_unused]] Stores form) {
  BasicRing<> ring(1024);
  std::atomic<bool> ready{false};
  const int here = sched_getcpu();
  std::thread reader([&] {
    leave_cpu(here);
    ready.store(true, std::memory_order_relaxed);  // the time begins; nothing else
    Patience wait;
    for (int seen = 0; seen < probe_events;) {
      const std::size_t count = ring.available(64).size();
      if (count == 0) wait();
      else ring.release(count);
      seen += static_cast<int>(count);
    }
  });
  while (!ready.load(std::memory_order_relaxed)) std::this_thread::yield();
  const Nanoseconds begin = Clock::steady();
  Patience wait;
  for (std::uint64_t i = 0; i < probe_events; ++i) {
    Slot* slot = nullptr;
    while ((slot = ring.claim()) == nullptr)
      if (!ring.make_room()) wait();
#ifdef SIDESTEP_STREAMING_STORES
    if (form == Stores::streaming) {
      ring.commit_streaming(*slot, 0, 1, 40, {{i, i, i, i, i}});
      continue;
    }
#endif
    slot->stamp = 0;
    slot->type = 1;
    std::fill_n(reinterpret_cast<std::uint64_t*>(slot->body), 5, i);
    ring.commit(*slot);
  }
  while (!ring.caught_up()) wait();
  const Nanoseconds took = Clock::steady() - begin;
  reader.join();
  return took;
}

int cpus_to_run_on() noexcept {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

Stores probe() {
  // Whatever else the machine does only makes a round longer: the shortest ones are compared.
  Nanoseconds plain = std::numeric_limits<Nanoseconds>::max(), streaming = plain;
  for (int round = 0; round < 5; ++round) {
    plain = std::min(plain, hand_over(Stores::plain));
    streaming = std::min(streaming, hand_over(Stores::streaming));
  }
  return streaming < plain ? Stores::streaming : Stores::plain;
}

}  // namespace

bool streaming_supported() noexcept {
#ifdef SIDESTEP_STREAMING_STORES
  return __builtin_cpu_supports("avx512f");
#else
  return false;
#endif
}

Stores fastest_stores() {
  static const Stores found = []() -> Stores {
    if (!streaming_supported() || cpus_to_run_on() < 2) return Stores::plain;
    try {
      return probe();
    } catch (const std::system_error&) {  // no thread to be had
      return Stores::plain;
    }
  }();
  return found;
}

Stores resolve(Stores asked) {
  if (asked == Stores::automatic) return fastest_stores();
  return asked == Stores::streaming && !streaming_supported() ? Stores::plain : asked;
}

StreamWithin stream_within(Stores asked) {
  if (resolve(asked) == Stores::plain) return StreamWithin::nothing;
  return asked == Stores::automatic ? StreamWithin::burst : StreamWithin::always;
}

std::string_view describe(Stores asked) {
  if (resolve(asked) == Stores::streaming) return "streaming: one 64-byte store for each event of a burst";
  if (!streaming_supported()) return "plain: there are no 64-byte streaming stores here";
  if (asked == Stores::plain) return "plain: asked for";
  return cpus_to_run_on() < 2 ? "plain: there is one CPU to run on" : "plain: faster here than 64-byte streaming stores";
}

}  // namespace sidestep
