// Publishing and a boundary with nothing pending allocate nothing, make no system call, and read one line of others'
// words.
#include "no_system_calls.hpp"
#include "replaced_new.hpp"
#include "small_run.hpp"
#include "touched_lines.hpp"

#include <sidestep/trainer/control/control_core.hpp>

#include <dlfcn.h>
#include <unistd.h>

#include <atomic>
#include <ctime>

namespace {
std::atomic<bool> counting{false};
std::atomic<std::uint64_t> allocations{0}, clock_readings{0};
}  // namespace

// In place of the C library's, which it asks.
extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  static const auto real = reinterpret_cast<int (*)(clockid_t, timespec*)>(::dlsym(RTLD_NEXT, "clock_gettime"));
  if (counting.load(std::memory_order_relaxed)) clock_readings.fetch_add(1, std::memory_order_relaxed);
  return real(clock, time);
}

// What asks for an alignment of its own gets whole pages, so that a test can watch who touches them.
void* sidestep::test::take_memory(std::size_t bytes, std::size_t alignment) {
  if (counting.load(std::memory_order_relaxed)) allocations.fetch_add(1, std::memory_order_relaxed);
  return alignment > alignof(std::max_align_t) ? aligned_memory(whole_pages(bytes), page)
                                               : aligned_memory(bytes, alignment);
}
void sidestep::test::give_memory(void* memory) noexcept { std::free(memory); }

namespace sidestep::test {
namespace {

/// A quiet run without threads: deciders live, nothing is asked for.
class Quiet {
 public:
  explicit Quiet(Sync sync) {
    bus_.on<BatchEnd>().named("a") | decide(control_, note_at(1, {}));
    bus_.on<Metric>().named("b") | decide(control_, [](const Metric&) { return std::optional<Stop>(); });
    loop_.emplace(control_, bus_, AttachOptions{.sync = sync});
    loop_->publish(FitBegin{});
    go(100);
  }
  void go(Step steps) {
    for (const Step last = step_ + steps; step_ < last;) {
      ++step_;
      loop_->publish(Metric{.step = step_}, BatchEnd{.step = step_, .loss = 1});
      bus_.poll();  // the dispatcher's part
      loop_->boundary();
    }
  }
  /// The trainer's part alone, with words that the test moves as the dispatcher would: that one may call what it likes.
  void go_alone(Step steps) {
    Decider& decider = control_.core().deciders().front()->decider;
    for (const Step last = step_ + steps; step_ < last;) {
      ++step_;
      loop_->publish(Metric{.step = step_}, BatchEnd{.step = step_, .loss = 1});
      decider.advance(static_cast<Sequence>(2 * step_ + 1), true);
      loop_->boundary();
    }
  }
  /// A quiet step, and the lines of what the control shares with other threads that its boundary touches.
  std::set<std::uintptr_t> lines_of_a_boundary() {
    detail::ControlCore& core = control_.core();
    ++step_;
    loop_->publish(Metric{.step = step_}, BatchEnd{.step = step_, .loss = 1});
    core.deciders().front()->decider.advance(static_cast<Sequence>(2 * step_ + 1), true);
    TouchedLines touched(&core, sizeof core);
    loop_->boundary();
    return touched.stop();
  }
  Loop& loop() { return *loop_; }
  detail::ControlCore& core() { return control_.core(); }

 private:
  Bus bus_{{.thread = false}};
  Control control_;
  std::optional<Loop> loop_;
  Step step_ = 0;
};

TEST(HotPath, AQuietBoundaryAllocatesNothingHoweverLongTheRun) {
  for (const Sync sync : {relaxed, lag(2), lockstep}) {
    Quiet run(sync);
    allocations = 0;
    counting = true;
    run.go(50'000);
    counting = false;
    EXPECT_EQ(allocations.load(), 0u) << sync.text();
    EXPECT_EQ(run.loop().waits(), 0u);
  }
}

TEST(HotPath, AQuietBoundaryMakesNoSystemCall) {
  for (const Sync sync : {relaxed, lag(2), lockstep}) {
    Quiet run(sync);
    EXPECT_TRUE(lives_without_system_calls([&] { run.go_alone(6'000); })) << sync.text();
  }
  EXPECT_FALSE(lives_without_system_calls([] { (void)getppid(); }));  // the filter bites
}

TEST(HotPath, OnePublishIn61IsTimedAndTheOthersReadNoClock) {
  const ManualClock clock;  // so an event's stamp needs none
  Bus bus({.clock = &clock, .thread = false});
  Control control;
  auto loop = control.attach(bus);
  loop.publish(FitBegin{});
  for (Step i = 2; i <= 61; ++i) loop.publish(Metric{.step = i});
  const std::uint64_t sampled = loop.publish_ns().count();
  EXPECT_EQ(sampled, 1U);
  clock_readings = 0;
  counting = true;
  for (Step i = 0; i < 61 * 100; ++i) loop.publish(Metric{.step = i});
  counting = false;
  EXPECT_EQ(loop.publish_ns().count() - sampled, 100U);
  EXPECT_EQ(clock_readings.load(), 200U);
}

TEST(HotPath, AStepReadsTheClockForItsStampAndHardlyEverForItsCost) {
  for (const Sync sync : {relaxed, lag(2), lockstep}) {
    Quiet run(sync);
    const std::uint64_t sampled = run.loop().publish_ns().count(), timed = run.loop().boundary_ns().count();
    clock_readings = 0;
    counting = true;
    run.go_alone(64 * 61);  // one boundary in 64 is timed, and one publish in 61
    counting = false;
    EXPECT_EQ(run.loop().publish_ns().count() - sampled, 64U) << sync.text();
    EXPECT_EQ(run.loop().boundary_ns().count() - timed, 61U) << sync.text();
    // two for each that is timed, and one to see how fast steps follow each other
    EXPECT_LE(clock_readings.load(), 64U * 61 + 2 * 64 + 3 * 61) << sync.text();
    EXPECT_GE(clock_readings.load(), 64U * 61 + 2 * 64 + 2 * 61) << sync.text();
  }
}

#ifdef __x86_64__
TEST(HotPath, AQuietBoundaryTouchesOneLineOfWhatThreadsShare) {
  for (const Sync sync : {relaxed, lag(2), lockstep}) {
    Quiet run(sync);
    const std::uintptr_t words = line_of(run.core().deciders().front()->decider.word);
    for (int step = 0; step < 130; ++step)  // among them two that are timed
      ASSERT_EQ(run.lines_of_a_boundary(), std::set{words}) << sync.text() << ", step " << step;
    EXPECT_EQ(run.loop().waits(), 0U);
  }
}

TEST(HotPath, ABoundaryAtWhichSomethingWaitsTouchesMore) {  // or the count above would say nothing
  Quiet run(relaxed);
  run.core().request(Stop{"enough"}, "test");
  EXPECT_GT(run.lines_of_a_boundary().size(), 1U);
}
#endif

TEST(HotPath, TheBellAndSevenDecidersWordsShareOneLineAndEightMoreTheNext) {
  Bus bus({.thread = false});
  Control control;
  bus.on<BatchEnd>() | decide(control, note_at(1, {}));
  for (int i = 0; i < 15; ++i) bus.on<BatchEnd>() | observe_on(io) | decide(control, note_at(1, {}));
  const auto deciders = control.core().deciders();
  ASSERT_EQ(deciders.size(), 16u);
  std::set<const void*> words;
  std::vector<std::uintptr_t> lines;
  for (const auto* const one : deciders) {
    words.insert(one->decider.word);
    lines.push_back(line_of(one->decider.word));
    EXPECT_EQ(line_of(one->decider.bell), lines[0]);
  }
  EXPECT_EQ(words.size(), 16u) << "each has a word of its own";
  for (std::size_t i = 1; i < 7; ++i) EXPECT_EQ(lines[i], lines[0]) << i;
  EXPECT_NE(lines[7], lines[0]);
  for (std::size_t i = 8; i < 15; ++i) EXPECT_EQ(lines[i], lines[7]) << i;
  EXPECT_NE(lines[15], lines[7]);
}

}  // namespace
}  // namespace sidestep::test
