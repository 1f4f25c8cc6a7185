#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <numeric>
#include <vector>

#include <sidestep/kernels/emulation/block.hpp>
#include <sidestep/kernels/emulation/launch.hpp>
#include <sidestep/kernels/emulation/protection.hpp>
#include <sidestep/kernels/emulation/raw.hpp>
#include <sidestep/kernels/emulation/settings.hpp>

namespace sidestep::emulation::detail {
namespace {

/// How many idle runners an owner has before one of them is used again. ThreadSanitizer takes blocks that ran on one
/// runner for ordered, as its fibers did one after the other, and would miss a race between them; so blocks take turns.
/// Its slots for threads are 255, and a fiber counts as one: large blocks have fewer runners.
std::size_t turns(const Launch& launch) {
  if (!under_thread_sanitizer()) return 1;
  const std::size_t threads = std::size_t{launch.block.x} * launch.block.y * launch.block.z;
  return threads <= 48 ? 4 : threads <= 96 ? 2 : 1;
}

/// Runners that are not at work, with their fibers. Never destroyed: workers may outlive every static object.
class RunnerPool {
 public:
  BlockRunner& take(const void* owner, std::size_t idle) {
    if (!settings().fresh_fibers) {
      const RawLock lock(mutex_);
      BlockRunner** oldest = nullptr;
      for (BlockRunner** at = &first_; *at; at = &(*at)->next) {
        if ((*at)->owner != owner) continue;
        oldest = at;
        if (--idle == 0) break;
      }
      if (idle == 0) {
        BlockRunner* found = *oldest;
        *oldest = found->next;
        return *found;
      }
    }
    auto* fresh = new BlockRunner;
    fresh->owner = owner;
    return *fresh;
  }

  void give_back(BlockRunner& runner) {
    if (settings().fresh_fibers) {
      delete &runner;
      return;
    }
    const RawLock lock(mutex_);
    runner.next = first_;
    first_ = &runner;
  }

 private:
  RawMutex mutex_;
  BlockRunner* first_ = nullptr;  // the last given back
};

RunnerPool& runners() {
  static auto* pool = new RunnerPool;
  return *pool;
}

/// A runner for as long as one task takes.
class Borrowed {
 public:
  explicit Borrowed(const Launch& launch)
      : runner_([&]() -> BlockRunner& {
          const Quiet quiet;
          return runners().take(under_thread_sanitizer() ? launch.owner : nullptr, turns(launch));
        }()) {}
  ~Borrowed() {
    const Quiet quiet;
    runners().give_back(runner_);
  }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  BlockRunner* operator->() { return &runner_; }

 private:
  BlockRunner& runner_;
};

/// The i-th block to run: a bijection that depends on the seed.
class BlockOrder {
 public:
  BlockOrder(std::uint64_t blocks, std::uint64_t seed) : blocks_(blocks), first_(seed % blocks) {
    stride_ = blocks < 3 ? 1 : 1 + (seed >> 20) % (blocks - 1);
    while (std::gcd(stride_, blocks) != 1) ++stride_;
    stride_ %= blocks;
    if (blocks == 1) stride_ = 0;
  }
  std::uint64_t operator()(std::uint64_t i) const {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>(i) * stride_ + first_) % blocks_);
  }

 private:
  std::uint64_t blocks_, first_, stride_ = 1;
};

void run_blocks(Launch& launch, const BlockOrder& order, std::uint64_t begin, std::uint64_t end) {
  const DeviceAccess access;
  std::uint64_t block = begin;
  while (block != end) {
    Borrowed runner(launch);
    do {
      // relaxed: a hint; a block that begins in spite of it does no harm
      if (__atomic_load_n(&launch.failed, __ATOMIC_RELAXED)) return;
      if (!runner->run(launch, order(block))) return;
    } while (++block != end && turns(launch) == 1 && !settings().fresh_fibers);
  }
}

}  // namespace

void run_grid(Launch& launch) {
  const std::uint64_t blocks = std::uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z;
  const BlockOrder order(blocks, launch.seed);
  tsan_release(&launch.begin);
  if (blocks == 1) {
    run_blocks(launch, order, 0, 1);
  } else {
    // An arena for each thread that launches: while it waits it helps with its own grid only, never with another
    // stream's.
    static thread_local tbb::task_arena arena;
    arena.execute([&] {
      tbb::parallel_for(
          tbb::blocked_range<std::uint64_t>(0, blocks),
          [&](const tbb::blocked_range<std::uint64_t>& part) { run_blocks(launch, order, part.begin(), part.end()); });
    });
  }
  tsan_acquire(&launch.end);
}

}  // namespace sidestep::emulation::detail
