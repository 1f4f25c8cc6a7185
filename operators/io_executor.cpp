// Threads for handlers that block: as many as there are pipelines ready at the same moment, so that one which blocks
// never holds up another. Idle threads sleep; at the end of the process they leave, and one that hangs in a handler is
// left behind.
#include <sidestep/operators/executor.hpp>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

namespace sidestep {
namespace {

struct Pool {
  std::mutex mutex;
  std::condition_variable work_waits, thread_left;
  std::shared_ptr<Work> first;  // the queue, linked through Work::next
  Work* last = nullptr;
  std::size_t waiting = 0, idle = 0, threads = 0;
  bool closing = false;

  std::shared_ptr<Work> pop() {
    std::shared_ptr<Work> work = std::move(first);
    first = std::move(work->next);
    work->queued = false;
    if (!first) last = nullptr;
    --waiting;
    return work;
  }
  void push(std::shared_ptr<Work> work) {
    Work* const raw = work.get();
    raw->queued = true;
    (last != nullptr ? last->next : first) = std::move(work);
    last = raw;
    ++waiting;
  }
};

void work_on(const std::shared_ptr<Pool>& pool) {
  std::unique_lock lock(pool->mutex);
  for (;;) {
    while (pool->first) {
      const std::shared_ptr<Work> work = pool->pop();
      lock.unlock();
      work->run();
      lock.lock();
    }
    if (pool->closing) break;
    ++pool->idle;
    pool->work_waits.wait(lock);
    --pool->idle;
  }
  --pool->threads;
  pool->thread_left.notify_all();
}

class IoPool final : public Executor {
 public:
  ~IoPool() override {
    std::unique_lock lock(pool_->mutex);
    pool_->closing = true;
    pool_->work_waits.notify_all();
    // Idle threads leave at once. One that still runs a handler gets a moment, then it stays behind with the state that
    // it shares.
    pool_->thread_left.wait_for(lock, std::chrono::milliseconds(200), [&] { return pool_->threads == 0; });
  }

  void post(std::shared_ptr<Work> work) override {
    std::unique_lock lock(pool_->mutex);
    if (pool_->closing) {  // the process is ending: nobody is left to do it
      lock.unlock();
      work->run();
      return;
    }
    // Another thread may have done it already, and new work may have come before its turn: one turn is enough for both.
    if (work->queued) return;
    pool_->push(std::move(work));
    if (pool_->idle >= pool_->waiting) {
      lock.unlock();
      pool_->work_waits.notify_one();
      return;
    }
    try {
      std::thread([pool = pool_] { work_on(pool); }).detach();
      ++pool_->threads;                   // the thread waits for the lock meanwhile
    } catch (const std::system_error&) {  // no thread to be had: one of those that there are will come to it
      if (pool_->threads > 0) return;
      while (pool_->first) pool_->pop();  // nobody will: the caller is told
      throw;
    }
  }

 private:
  std::shared_ptr<Pool> pool_ = std::make_shared<Pool>();
};

}  // namespace

Executor& IoExecutor::executor() {
  static IoPool pool;
  return pool;
}

}  // namespace sidestep
