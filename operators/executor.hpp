#pragma once

#include <memory>

namespace sidestep {

/// Something that wants to run on another thread: at most once at a time, in the order of its own making.
struct Work : std::enable_shared_from_this<Work> {
  virtual ~Work() = default;
  virtual void run() noexcept = 0;
  std::shared_ptr<Work> next;  ///< the executor's, while the work waits there: posting allocates nothing
  bool queued = false;         ///< the executor's too: it is in the queue
};

/// Runs work on threads of its own. Yours: derive, and give the object to observe_on; it must outlive the bus.
class Executor {
 public:
  virtual ~Executor() = default;
  /// Runs `work->run()` once, soon, on some thread. What the caller did before is visible there. What it throws fails
  /// the pipeline whose work it is.
  virtual void post(std::shared_ptr<Work> work) = 0;
};

/// For what blocks (files, network, terminals): a thread for each pipeline that has something to do; idle ones sleep.
struct IoExecutor {
  static Executor& executor();
};
/// For what computes: a oneTBB arena.
struct ComputeExecutor {
  static Executor& executor();
};

inline constexpr IoExecutor io{};
inline constexpr ComputeExecutor compute{};

}  // namespace sidestep
