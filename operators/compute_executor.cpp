// A oneTBB arena for handlers that compute.
#include <sidestep/operators/executor.hpp>

#include <tbb/task_arena.h>

#include <algorithm>

namespace sidestep {
namespace {

class ComputeArena final : public Executor {
 public:
  void post(std::shared_ptr<Work> work) override {
    arena_.enqueue([work = std::move(work)] { work->run(); });
  }

 private:
  // No slot is reserved for a caller, since nobody waits here; and no more workers than oneTBB has by default.
  tbb::task_arena arena_{std::max(1, tbb::this_task_arena::max_concurrency() - 1), 0};
};

}  // namespace

Executor& ComputeExecutor::executor() {
  static ComputeArena arena;
  return arena;
}

}  // namespace sidestep
