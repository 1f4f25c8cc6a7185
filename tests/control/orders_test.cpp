// Every order in which dispatcher and executor can come to their turn around the trainer's first four steps, on one
// thread: the bus has none of its own, and the executor works when it is told to.
#include "small_run.hpp"

#include <emulation/sanitizers.hpp>

#include <sidestep/bus/test_point.hpp>

#include <array>
#include <utility>

namespace sidestep::test {
namespace {

constexpr bool sanitized = address_sanitizer || thread_sanitizer;

class Later final : public Executor {
 public:
  void post(std::shared_ptr<Work> work) override {
    if (at_once)
      work->run();
    else
      waiting_.push_back(std::move(work));
  }
  void run() {
    for (const auto& work : std::exchange(waiting_, {})) work->run();
  }
  bool at_once = false;

 private:
  std::vector<std::shared_ptr<Work>> waiting_;
};

/// D: the dispatcher takes all that is published. E: the executor does all that was handed over.
constexpr std::array<std::string_view, 4> turns{"", "D", "DE", "ED"};
constexpr int steps = 4, choices = 2 * steps - 1;  // before each boundary, and behind each but the last

class OneOrder {
 public:
  OneOrder(Sync sync, unsigned order) : sync_(sync), order_(order) {
    bus_.on<BatchEnd>().named("inline") | decide(control_, note_at(1, {1, 2, 4}));
    bus_.on<BatchEnd>().named("observed") | observe_on(executor_) | decide(control_, note_at(2, {1, 3}));
    waiting = this;
    test_hook.store(&trainer_waits, std::memory_order_release);  // pairs with test_point
  }
  ~OneOrder() { test_hook.store(nullptr, std::memory_order_release); }
  OneOrder(const OneOrder&) = delete;
  OneOrder& operator=(const OneOrder&) = delete;

  /// (cause, applied, who) of each decision.
  std::string run() {
    auto loop = control_.attach(bus_, {.sync = sync_});
    loop.on<Noted>([](const Noted&) {});
    loop.publish(FitBegin{});
    for (Step step = 1; step <= steps; ++step) {
      loop.publish(BatchEnd{.step = step});
      published_ = step;
      take_turns();
      arrive(step);
      loop.boundary();
      if (step < steps) take_turns();
    }
    executor_.at_once = true;
    executor_.run();
    loop.finish();
    std::string table;
    for (const AppliedRow& row : loop.decisions())
      table += line(*row.cause_step, row.applied_step, static_cast<int>(row.value / 1000));
    EXPECT_EQ(loop.decisions().size() + loop.pending().size(), 5u);
    return table;
  }
  /// In relaxed: what had arrived at each boundary.
  std::string arrived;

 private:
  static std::string line(Step cause, Step applied, int who) {
    return std::to_string(cause) + "->" + std::to_string(applied) + " by " + std::to_string(who) + "\n";
  }
  void take_turns() {
    for (const char who : turns[order_ % turns.size()])
      if (who == 'D') {
        while (bus_.poll()) {
        }
        dispatched_ = published_;
      } else {
        executor_.run();
        executed_ = dispatched_;
      }
    order_ /= turns.size();
  }
  /// What a boundary finds, by the events that each decider has seen and not by the code that is tested.
  void arrive(Step boundary) {
    for (Step cause = 1; cause <= boundary; ++cause) {
      if (inline_seen_ < cause && cause <= dispatched_ && (cause == 1 || cause == 2 || cause == 4))
        arrived += line(cause, boundary, 1);
      if (observed_seen_ < cause && cause <= executed_ && (cause == 1 || cause == 3))
        arrived += line(cause, boundary, 2);
    }
    inline_seen_ = dispatched_;
    observed_seen_ = executed_;
  }
  /// The trainer can't go on: everybody else does.
  static void trainer_waits(Point point, const void*) {
    if (point != Point::boundary_wait) return;
    while (waiting->bus_.poll()) {
    }
    waiting->executor_.run();
  }
  static inline OneOrder* waiting = nullptr;

  const Sync sync_;
  unsigned order_;
  Later executor_;
  Bus bus_{{.ring_capacity = 64, .thread = false}};
  Control control_;
  Step published_ = 0, dispatched_ = 0, executed_ = 0, inline_seen_ = 0, observed_seen_ = 0;
};

constexpr unsigned orders() {
  unsigned all = 1;
  for (int i = 0; i < choices; ++i) all *= static_cast<unsigned>(turns.size());
  return all;
}
/// No turn in it is the same as a shorter one, because there was nothing to do.
constexpr bool differs(unsigned order) {
  int published = 0, dispatched = 0, executed = 0;
  for (int i = 0; i < choices; ++i, order /= static_cast<unsigned>(turns.size())) {
    if (i % 2 == 0) ++published;
    const std::string_view turn = turns[order % turns.size()];
    const bool nothing_for_d = dispatched == published;
    if (turn == "D" && nothing_for_d) return false;
    if (turn == "DE" && nothing_for_d && executed == dispatched) return false;
    if (turn == "ED" && (nothing_for_d || executed == dispatched)) return false;
    if (turn == "ED") executed = dispatched;
    if (!turn.empty()) dispatched = published;
    if (turn == "DE") executed = dispatched;
  }
  return true;
}
constexpr unsigned stride = sanitized ? 37 : 1;  // a sample there

TEST(Orders, UnderLagOneTableInAllOfThem) {
  const std::array<std::string, 3> expected{"1->1 by 1\n1->1 by 2\n2->2 by 1\n3->3 by 2\n4->4 by 1\n",
                                            "1->2 by 1\n1->2 by 2\n2->3 by 1\n3->4 by 2\n",
                                            "1->3 by 1\n1->3 by 2\n2->4 by 1\n"};
  for (int k = 0; k < 3; ++k)
    for (unsigned order = 0; order < orders(); order += stride) {
      if (!differs(order)) continue;
      OneOrder one(lag(k), order);
      ASSERT_EQ(one.run(), expected[static_cast<std::size_t>(k)]) << "k=" << k << " order " << order;
    }
}

TEST(Orders, InRelaxedEachDecisionAtTheFirstBoundaryAtWhichItHasArrived) {
  std::set<std::string> tables;
  for (unsigned order = 0; order < orders(); order += stride) {
    if (!differs(order)) continue;
    OneOrder one(relaxed, order);
    const std::string table = one.run();
    ASSERT_EQ(table, one.arrived) << "order " << order;
    tables.insert(table);
  }
  EXPECT_GT(tables.size(), sanitized ? 20u : 50u) << "orders that don't differ prove nothing";
}

}  // namespace
}  // namespace sidestep::test
