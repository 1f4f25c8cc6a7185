// A oneTBB arena for handlers that compute.
#include <sidestep/operators/executor.hpp>

#include <tbb/task_arena.h>

namespace sidestep {
namespace {

class ComputeArena final : public Executor {
 public:
  void post(std::shared_ptr<Work> work) override {
    arena_.enqueue([work = std::move(work)] { work->run(); });
  }

 private:
  // No slot is reserved for a caller: nobody waits here, so all of them are for workers.
  tbb::task_arena arena_{tbb::task_arena::automatic, 0};
};

}  // namespace

Executor& ComputeExecutor::executor() {
  static ComputeArena arena;
  return arena;
}

}  // namespace sidestep
