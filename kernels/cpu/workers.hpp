#pragma once

#include <tbb/global_control.h>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/partitioner.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <thread>

namespace sidestep::kernels::cpu {

/// Some threads of oneTBB's, the caller among them.
class Workers {
 public:
  /// 0: as many as the CPU has.
  explicit Workers(int threads)
      : count_(threads > 0 ? threads : std::max(1, static_cast<int>(std::thread::hardware_concurrency()))) {
    if (count_ > 1) arena_.emplace(count_, 1);
    if (count_ > tbb::info::default_concurrency())
      limit_.emplace(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(count_));
  }

  int count() const { return count_; }

  /// Runs f(index, worker) for each index, on all workers. In what order and where, nothing may depend on.
  template <class F>
  void for_each(std::size_t count, F f) {
    if (count_ == 1) {
      for (std::size_t i = 0; i < count; ++i) f(i, 0);
      return;
    }
    arena_->execute([&] {
      tbb::parallel_for(
          std::size_t{0}, count, [&](std::size_t i) { f(i, tbb::this_task_arena::current_thread_index()); },
          tbb::simple_partitioner{});
    });
  }

 private:
  int count_;
  std::optional<tbb::global_control> limit_;  ///< raises oneTBB's limit for who asks for more threads than the CPU has
  std::optional<tbb::task_arena> arena_;
};

}  // namespace sidestep::kernels::cpu
