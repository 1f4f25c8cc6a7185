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

constexpr int rounds = 12, round_events = 1 << 13;

/// The calling thread stays on the CPU that it is on, while this lives: were it put beside the reader, both would
/// measure one core's cache.
class Staying {
 public:
  Staying() noexcept {
    const int here = sched_getcpu();
    cpu_set_t there;
    CPU_ZERO(&there);
    if (here < 0 || here >= CPU_SETSIZE || sched_getaffinity(0, sizeof before_, &before_) != 0) return;
    CPU_SET(here, &there);
    if (sched_setaffinity(0, sizeof there, &there) == 0) cpu_ = here;
  }
  ~Staying() {
    if (cpu_ >= 0) sched_setaffinity(0, sizeof before_, &before_);
  }
  Staying(const Staying&) = delete;
  Staying& operator=(const Staying&) = delete;

  bool stays() const noexcept { return cpu_ >= 0; }
  /// The calling thread, another one, runs on any of the other CPUs from now on. False: it can't.
  bool others_here() const noexcept {
    cpu_set_t others = before_;
    CPU_CLR(cpu_, &others);
    return sched_setaffinity(0, sizeof others, &others) == 0;
  }

 private:
  cpu_set_t before_;
  int cpu_ = -1;
};

/// Waits for the other thread, which may be at work or without a core.
class Patience {
 public:
  void operator()() noexcept {
    if (++waited_ % 1024 == 0)
      std::this_thread::yield();
    else
      pause();
  }

 private:
  unsigned waited_ = 0;
};

/// Hands events to another thread, in both forms.
class Probe {
 public:
  explicit Probe(const Staying& here) : here_(here) {}
  ~Probe() {
    stop_.store(true, std::memory_order_relaxed);
    reader_.join();
  }
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  /// The reader is on another CPU.
  bool apart() const noexcept {
    Where where;
    while ((where = where_.load(std::memory_order_relaxed)) == Where::unknown) std::this_thread::yield();
    return where == Where::elsewhere;
  }
  /// How long it takes, in nanoseconds, once the reader is at work.
  Nanoseconds hand_over(Stores form) noexcept {
    put(form);
    wait_for_reader();
    const Nanoseconds begin = Clock::steady();
    for (int i = 0; i < round_events; ++i) put(form);
    wait_for_reader();
    return Clock::steady() - begin;
  }

 private:
  enum class Where { unknown, elsewhere, here };

  void read() noexcept {
    where_.store(here_.others_here() ? Where::elsewhere : Where::here, std::memory_order_relaxed);
    Patience wait;
    while (!stop_.load(std::memory_order_relaxed)) {
      const std::size_t count = ring_.available(64).size();
      if (count == 0)
        wait();
      else
        ring_.release(count);
    }
  }
  void put([[maybe_unused]] Stores form) noexcept {
    Patience wait;
    Slot* slot = nullptr;
    while ((slot = ring_.claim()) == nullptr)
      if (!ring_.make_room()) wait();
    const std::uint64_t i = ring_.next();
#ifdef SIDESTEP_STREAMING_STORES
    if (form == Stores::streaming) {
      ring_.commit_streaming(*slot, 0, 1, 40, {{i, i, i, i, i}});
      return;
    }
#endif
    slot->stamp = 0;
    slot->type = 1;
    std::fill_n(reinterpret_cast<std::uint64_t*>(slot->body), 5, i);
    ring_.commit(*slot);
  }
  void wait_for_reader() const noexcept {
    for (Patience wait; !ring_.caught_up();) wait();
  }

  const Staying& here_;
  BasicRing<> ring_{1024};
  // relaxed, both: nothing is read behind them; what is handed over goes by way of the ring
  std::atomic<Where> where_{Where::unknown};
  std::atomic<bool> stop_{false};
  std::thread reader_{[this] { read(); }};  // last: it uses the others
};

int cpus_to_run_on() noexcept {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

}  // namespace

bool streaming_supported() noexcept {
#ifdef SIDESTEP_STREAMING_STORES
  return __builtin_cpu_supports("avx512f");
#else
  return false;
#endif
}

Stores measure_stores() {
  if (!streaming_supported() || cpus_to_run_on() < 2) return Stores::plain;
  try {
    const Staying here;
    if (!here.stays()) return Stores::plain;
    Probe probe(here);
    if (!probe.apart()) return Stores::plain;
    // Whatever else the machine does only makes a round longer: the shortest ones are compared.
    Nanoseconds plain = std::numeric_limits<Nanoseconds>::max(), streaming = plain;
    for (int round = 0; round < rounds; ++round) {
      plain = std::min(plain, probe.hand_over(Stores::plain));
      streaming = std::min(streaming, probe.hand_over(Stores::streaming));
    }
    return streaming < plain ? Stores::streaming : Stores::plain;
  } catch (const std::system_error&) {  // no thread to be had
    return Stores::plain;
  }
}

Stores fastest_stores() {
  static const Stores found = measure_stores();
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
  return cpus_to_run_on() < 2 ? "plain: there is one CPU to run on"
                              : "plain: faster here than 64-byte streaming stores";
}

}  // namespace sidestep
