// Pipelines that decide and come or go while the loop runs, from other threads and from handlers.
#include "small_run.hpp"

#include <atomic>
#include <thread>

namespace sidestep::test {
namespace {

auto note_joining(std::int64_t who) {
  return pure([who](const BatchEnd& e) { return Noted{who, e.step}; });
}

/// Steps through `count` batches, each with its boundary.
void steps(Loop& loop, Step from, Step to) {
  for (Step step = from; step <= to; ++step) {
    loop.publish(BatchEnd{.step = step});
    loop.boundary();
  }
}

std::map<std::string, std::vector<std::pair<Step, Step>>> applied(const Loop& loop) {
  std::map<std::string, std::vector<std::pair<Step, Step>>> all;
  for (const AppliedRow& row : loop.decisions())
    all[row.by].emplace_back(row.cause_step.value_or(-1), row.applied_step);
  return all;
}

TEST(ControlJoining, WhoDecidesAndIsAddedOnAnotherThreadTakesPartFromTheNextBoundary) {
  for (const Sync sync : {lockstep, lag(2), relaxed})
    for (const bool threads : {true, false}) {
      SCOPED_TRACE(sync.text());
      Bus bus({.thread = threads});
      Control control;
      bus.on<BatchEnd>().named("first") | decide(control, note_joining(1));
      auto loop = control.attach(bus, {.sync = sync});
      loop.on<Noted>([](const Noted&) {});
      loop.publish(FitBegin{.last_step = 12});
      steps(loop, 1, 3);
      Handle inline_one, observed;
      std::thread([&] {
        inline_one = bus.on<BatchEnd>().named("inline") | decide(control, note_joining(2));
        observed = bus.on<BatchEnd>().named("observed") | observe_on(io) | decide(control, note_joining(3));
      }).join();
      EXPECT_EQ(bus.subscriptions().size(), 1U) << "not before the boundary";
      steps(loop, 4, 12);  // at boundary 4 it is taken in, so 5 is the first event that it sees
      loop.finish();
      EXPECT_EQ(bus.subscriptions().size(), 3U);
      EXPECT_EQ(inline_one->delivered(), 8U);
      EXPECT_EQ(observed->delivered(), 8U);
      const auto all = applied(loop);
      if (!sync.relaxed()) {
        std::vector<std::pair<Step, Step>> late;
        for (Step cause = 5; cause + sync.k <= 12; ++cause) late.emplace_back(cause, cause + sync.k);
        EXPECT_EQ(all.at("inline"), late);
        EXPECT_EQ(all.at("observed"), late);
        EXPECT_EQ(all.at("first").size(), static_cast<std::size_t>(12 - sync.k));
      }
      ASSERT_EQ(loop.broken().size(), 2U);
      EXPECT_EQ(loop.broken()[0].why, "was added from outside the stream");
      EXPECT_EQ(loop.broken()[0].step, 4);
      bus.close();
    }
}

TEST(ControlJoining, TheVeryFirstDeciderMayComeLate) {
  Bus bus;
  Control control;
  auto loop = control.attach(bus, {.sync = lag(1)});
  loop.on<Noted>([](const Noted&) {});
  loop.publish(FitBegin{.last_step = 6});
  steps(loop, 1, 2);
  std::thread([&] { bus.on<BatchEnd>().named("late") | decide(control, note_joining(1)); }).join();
  // on the loop's thread: at once, although that one waits still
  bus.on<BatchEnd>().named("here") | decide(control, note_joining(2));
  steps(loop, 3, 6);
  loop.finish();
  const auto all = applied(loop);
  EXPECT_EQ(all.at("here"), (std::vector<std::pair<Step, Step>>{{3, 4}, {4, 5}, {5, 6}}));
  EXPECT_EQ(all.at("late"), (std::vector<std::pair<Step, Step>>{{4, 5}, {5, 6}}));
}

TEST(ControlJoining, AHandlerMayAddOne) {
  Bus bus;
  Control control;
  std::atomic<bool> added{false};
  bus.on<BatchEnd>() | subscribe([&](const BatchEnd& e) {
    if (e.step != 2) return;
    bus.on<BatchEnd>().named("inner") | decide(control, note_joining(1));
    added.store(true, std::memory_order_release);
  });
  auto loop = control.attach(bus, {.sync = lockstep});
  loop.on<Noted>([](const Noted&) {});
  loop.publish(FitBegin{.last_step = 5});
  loop.publish(BatchEnd{.step = 1});
  loop.boundary();
  loop.publish(BatchEnd{.step = 2});
  while (!added.load(std::memory_order_acquire)) bus.wake(), std::this_thread::yield();
  loop.boundary();
  steps(loop, 3, 5);
  loop.finish();
  EXPECT_EQ(applied(loop).at("inner"), (std::vector<std::pair<Step, Step>>{{3, 3}, {4, 4}, {5, 5}}));
}

TEST(ControlJoining, WhoComesAndGoesBeforeTheBoundaryNeverTookPart) {
  Bus bus({.thread = false});
  Control control;
  auto loop = control.attach(bus, {.sync = lag(1)});
  loop.on<Noted>([](const Noted&) {});
  loop.publish(FitBegin{.last_step = 4});
  steps(loop, 1, 1);
  Handle gone;
  std::thread([&] {
    gone = bus.on<BatchEnd>() | observe_on(io) | decide(control, note_joining(1));
    gone->end();
  }).join();
  EXPECT_EQ(gone->life(), Subscription::Life::ended);
  steps(loop, 2, 4);  // waits for nobody
  loop.finish();
  EXPECT_TRUE(loop.decisions().empty());
  EXPECT_EQ(gone->published(), 0U);
}

TEST(ControlJoining, WhoComesWhenTheLoopHasEndedIsTheNextOnes) {
  Bus bus({.thread = false});
  Control control;
  {
    auto loop = control.attach(bus, {.sync = lag(0)});
    loop.publish(FitBegin{.last_step = 1});
    steps(loop, 1, 1);
    loop.finish();
    std::thread([&] { bus.on<BatchEnd>().named("next") | decide(control, note_joining(1)); }).join();
  }
  auto loop = control.attach(bus, {.sync = lag(0)});
  loop.on<Noted>([](const Noted&) {});
  loop.publish(FitBegin{.last_step = 2});
  steps(loop, 1, 2);
  loop.finish();
  EXPECT_EQ(applied(loop).at("next"), (std::vector<std::pair<Step, Step>>{{1, 1}, {2, 2}}));
}

TEST(ControlJoining, ACutAtItsBoundaryHoldsItsState) {
  Bus bus;
  Control control;
  Folder folder;
  std::atomic<std::size_t> pipelines{0};
  auto loop = control.attach(bus, {.sync = lag(1),
                                   .snapshot =
                                       [&](const Cut&) {
                                         return [&](const auto& path, const CheckpointState& state) {
                                           pipelines.store(state.pipelines.size(), std::memory_order_relaxed);
                                           std::ofstream(path) << state.to_text();
                                         };
                                       },
                                   .folder = folder.path()});
  loop.on<Noted>([](const Noted&) {});
  loop.publish(FitBegin{.last_step = 3});
  steps(loop, 1, 1);
  std::thread([&] { bus.on<BatchEnd>().named("late") | observe_on(io) | decide(control, EveryThird{1, 0}); }).join();
  control.request(SaveCheckpoint{.file = "here"});
  steps(loop, 2, 3);
  loop.finish();
  EXPECT_EQ(loop.checkpoint_errors(), std::vector<std::string>{});
  EXPECT_EQ(pipelines, 1U);
}

TEST(ControlJoining, WhoDecidesUnderLagMayDropNothing) {
  Bus bus({.thread = false});
  Control control;
  bus.on<BatchEnd>().named("drops").overload(drop_oldest(8)) | decide(control, note_joining(1));
  {
    auto loop = control.attach(bus, {.sync = lag(1)});
    try {
      loop.publish(FitBegin{.last_step = 3});
      FAIL() << "was not refused";
    } catch (const ControlError& error) {
      EXPECT_NE(std::string(error.what()).find("'drops' decides and has an overload policy"), std::string::npos)
          << error.what();
      EXPECT_NE(std::string(error.what()).find("say .sync = relaxed."), std::string::npos) << error.what();
    }
  }
  auto loop = control.attach(bus, {.sync = relaxed});
  loop.on<Noted>([](const Noted&) {});
  EXPECT_NO_THROW(loop.publish(FitBegin{.last_step = 3}));
  steps(loop, 1, 3);
  loop.finish();
}

TEST(ControlJoining, OneThatIsRefusedAtItsBoundaryFailsAlone) {
  Bus bus({.thread = false});
  Control control;
  auto loop = control.attach(bus, {.sync = lag(1)});
  loop.publish(FitBegin{.last_step = 3});
  steps(loop, 1, 1);
  Handle drops;
  std::thread([&] { drops = bus.on<BatchEnd>().overload(latest()) | decide(control, note_joining(1)); }).join();
  steps(loop, 2, 3);
  EXPECT_TRUE(drops->failed());
  EXPECT_NE(drops->error().find("pipeline BatchEnd -> decide decides and has an overload policy"), std::string::npos)
      << drops->error();
  EXPECT_TRUE(loop.decisions().empty());
  loop.finish();
}

/// Without a thread the loop's own polls, in the middle of its table of words.
TEST(ControlJoining, AHandlerMayAddDecidersWhileTheLoopWaitsAndPolls) {
  Bus bus({.thread = false});
  Control control;
  bus.on<BatchEnd>().named("first") | decide(control, note_joining(1));
  std::vector<Handle> more;
  bus.on<BatchEnd>() | subscribe([&](const BatchEnd& e) {
    if (e.step != 2) return;
    for (int i = 0; i < 9; ++i)
      more.push_back(bus.on<BatchEnd>() | observe_on(io) | decide(control, note_joining(2 + i)));
  });
  auto loop = control.attach(bus, {.sync = lockstep});
  loop.on<Noted>([](const Noted&) {});
  loop.publish(FitBegin{.last_step = 6});
  steps(loop, 1, 6);
  loop.finish();
  ASSERT_EQ(more.size(), 9u);
  for (const Handle& one : more) {
    EXPECT_FALSE(one->failed()) << one->error();
    EXPECT_EQ(applied(loop)[one->owner()].size(), 4u) << one->owner();  // 3 to 6
  }
}

}  // namespace
}  // namespace sidestep::test
