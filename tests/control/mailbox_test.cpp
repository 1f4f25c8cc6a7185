// How often the trainer looks into the queues in which requests wait: a look costs far more than a boundary that finds
// nothing pending, so it has to be told by a word or a bell that there is something.
#include "small_run.hpp"

#include <sidestep/bus/test_point.hpp>

#include <atomic>
#include <numeric>

namespace sidestep::test {
namespace {

/// Counts the looks while it lives.
class Looks {
 public:
  Looks() {
    count_.store(0, std::memory_order_relaxed);           // relaxed: only the loop's thread counts and reads
    test_hook.store(&arrive, std::memory_order_release);  // pairs with test_point
  }
  ~Looks() { test_hook.store(nullptr, std::memory_order_release); }  // pairs with test_point
  Looks(const Looks&) = delete;
  Looks& operator=(const Looks&) = delete;
  static int count() { return count_.load(std::memory_order_relaxed); }  // relaxed: as above

 private:
  static void arrive(Point point, const void*) {
    if (point == Point::mailbox) count_.fetch_add(1, std::memory_order_relaxed);  // relaxed: as above
  }
  static inline std::atomic<int> count_{0};
};

/// A run of two deciders that ask for something at these steps, and the looks behind each boundary, at [step].
struct WatchedRun {
  static constexpr Step steps = 1'500;
  std::set<Step> at;
  SmallRun run;
  std::vector<int> looks = std::vector<int>(steps + 1);
  Control* control = nullptr;

  WatchedRun(Sync sync, std::set<Step> asked) : at(std::move(asked)) {
    run.steps = steps;
    run.steps_per_epoch = 2 * steps;
    run.options.sync = sync;
    run.bus_options.thread = true;
    run.pipelines = [this](Bus& bus, Control& c) {
      control = &c;
      bus.on<BatchEnd>().named("inline") | decide(c, note_at(1, at));
      bus.on<BatchEnd>().named("observed") | observe_on(io) | decide(c, note_at(2, at));
    };
  }
  void go() {
    const Looks count;
    int before = 0;
    const auto note = run.between;
    run.between = [&](Loop& loop, Step step) {
      looks[static_cast<std::size_t>(step)] = Looks::count() - std::exchange(before, Looks::count());
      if (note) note(loop, step);
    };
    run.go();
  }
  std::vector<Step> looked_at() const {
    std::vector<Step> found;
    for (Step step = 1; step <= steps; ++step)
      if (looks[static_cast<std::size_t>(step)] != 0) found.push_back(step);
    return found;
  }
  int total() const { return std::accumulate(looks.begin(), looks.end(), 0); }
};

TEST(Mailbox, ABoundaryWithNothingPendingDoesntLookIntoIt) {
  for (const Sync sync : {relaxed, lag(2), lockstep}) {
    WatchedRun quiet(sync, {});
    quiet.go();
    EXPECT_EQ(quiet.looked_at(), std::vector<Step>{}) << sync.text();
  }
}

TEST(Mailbox, IsLookedIntoOnceForEachRequestAndNeverBeforeOrBehind) {
  for (const int k : {0, 2}) {
    WatchedRun busy(lag(k), {500, 501, 1000});
    busy.go();
    EXPECT_EQ(busy.run.decisions.size(), 6U);
    for (const Step step : busy.looked_at())  // a word may be read before the boundary that needs it
      EXPECT_TRUE((step >= 500 && step <= 501 + k) || (step >= 1000 && step <= 1000 + k))
          << "k=" << k << " at " << step;
    // One for each request; what has no word, from outside, is looked for in two queues where a bell was rung.
    EXPECT_GE(busy.total(), 6) << "k=" << k;
    EXPECT_LE(busy.total(), 6 + 2 * 6) << "k=" << k;
  }
}

TEST(Mailbox, InRelaxedIsLookedIntoWhereABellWasRung) {
  WatchedRun busy(relaxed, {500, 1000});
  busy.run.between = [&](Loop& loop, Step step) {
    if (step == 500 || step == 1000) loop.bus().flush();  // what it caused has been asked for by now
  };
  busy.go();
  EXPECT_EQ(busy.run.decisions.size(), 4U);
  for (const Step step : busy.looked_at())
    EXPECT_TRUE((step >= 500 && step <= 501) || (step >= 1000 && step <= 1001)) << "at " << step;
  EXPECT_GE(busy.total(), 4);
  EXPECT_LE(busy.total(), 4 + 2 * 4);
}

TEST(Mailbox, ARequestFromOutsideIsFoundAtTheNextBoundaryAlone) {
  WatchedRun run(lag(2), {});
  run.run.between = [&](Loop&, Step step) {
    if (step == 700) run.control->request(SetLearningRate{.learning_rate = 0.5}, "dashboard");
  };
  run.go();
  EXPECT_EQ(run.looked_at(), std::vector<Step>{701});
  EXPECT_EQ(run.total(), 2);
}

}  // namespace
}  // namespace sidestep::test
