// How a bus ends: several at a time, with sinks that are slow, with a dispatcher that was given up.
#include <sidestep/bus.hpp>

#include <bus/probe.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

namespace sidestep {
namespace {

using namespace std::chrono_literals;
using testing_support::Probe;
using testing_support::probe_options;

TEST(End, AThreadOfTheBusNeitherWaitsNorSpillsWhereNobodyReadsAnyMore) {
  for (const bool spilling_before : {false, true}) {
    Bus bus({.ring_capacity = 4, .thread = false});
    Producer producer = bus.producer("handler");
    const BusThread here;
    if (spilling_before)
      for (int i = 0; i < 10; ++i) producer.publish(BatchEnd{.step = i});
    const std::uint64_t spilled = producer.ring().spill.spilled();
    EXPECT_EQ(spilled, spilling_before ? 6u : 0u);
    bus.abandon_dispatcher();
    for (int i = 0; i < 10; ++i) producer.publish(BatchEnd{.step = i});
    EXPECT_EQ(producer.ring().spill.spilled(), spilled);
    EXPECT_EQ(producer.ring().swallowed.get(), spilling_before ? 10u : 6u);
  }
}

/// What a handler may leave on the dispatcher's thread: its end takes a moment, in which all who close stand and wait
/// for it.
struct SlowToEnd {
  ~SlowToEnd() { std::this_thread::sleep_for(10ms); }
};

TEST(End, SeveralThreadsMayCloseAtATime) {
  for (int round = 0; round < 10; ++round) {
    Bus bus({.ring_capacity = 16});
    std::uint64_t seen = 0;
    bus.add(std::make_unique<Probe>([&](const Slot&) {
              static thread_local SlowToEnd here;
              (void)&here;
              ++seen;
            }),
            probe_options({BatchEnd::id}));
    Producer producer = bus.producer("test");
    for (Step step = 0; step < 40; ++step) producer.publish(BatchEnd{.step = step});
    std::latch together(3);
    const auto close = [&] {
      together.arrive_and_wait();
      bus.close();
      EXPECT_TRUE(bus.closed());
    };
    std::jthread first(close), second(close);
    close();
    EXPECT_EQ(seen, 40u);
  }
}

/// A pipeline with a queue behind it that somebody else works off.
class Queued final : public Pipeline {
 public:
  explicit Queued(std::shared_ptr<QueueAccount> queue, std::function<void()> run)
      : queue_(std::move(queue)), run_(std::move(run)) {}
  void bind(Subscription& to) override { (to_ = &to)->add_queue(queue_); }
  std::size_t run(std::span<const Slot> slots) noexcept override { return run_(), slots.size(); }
  void mark(const Mark& mark) noexcept override {
    if (mark.kind == Mark::Kind::end) to_->finish(Subscription::Life::completed);
  }
  bool over() const noexcept override { return false; }
  bool wants_ticks() const noexcept override { return false; }
  std::vector<std::string> describe() const override { return {"queued"}; }

 private:
  std::shared_ptr<QueueAccount> queue_;
  std::function<void()> run_;
  Subscription* to_ = nullptr;
};

/// Works off eight items; all of them take longer than the deadline, none does. Time passes here in earnest: what is
/// tested is who counts it.
struct SlowSink {
  static constexpr std::uint64_t items = 12;
  static constexpr auto deadline = 400ms;
  std::shared_ptr<QueueAccount> queue = std::make_shared<QueueAccount>();
  std::atomic<bool> begun{false};
  std::jthread thread{[this] {
    begun.wait(false);
    for (std::uint64_t done = 1; done <= items; ++done) {
      std::this_thread::sleep_for(deadline / 10);
      queue->finished.store(done, std::memory_order_release);
    }
  }};
  ~SlowSink() { begin(); }
  void begin() { begun = true, begun.notify_all(); }
};

TEST(End, ASlowSinkThatMovesIsWaitedForAtClose) {
  SlowSink sink;
  Bus bus({.deadline = SlowSink::deadline});
  const Handle handle = bus.add(std::make_unique<Queued>(sink.queue,
                                                         [&] {
                                                           sink.queue->handed.add(SlowSink::items);
                                                           sink.begin();
                                                         }),
                                probe_options({BatchEnd::id}));
  bus.publish(BatchEnd{.step = 1});
  bus.close();
  EXPECT_EQ(handle->life(), Subscription::Life::completed) << handle->error();
  EXPECT_EQ(sink.queue->queued(), 0u);
  EXPECT_TRUE(bus.closed());
}

TEST(End, ADispatcherThatStandsAtASlowSinksFullQueueIsNotGivenUpByFlush) {
  SlowSink sink;
  Bus bus({.deadline = SlowSink::deadline});
  std::uint64_t others = 0;
  const Handle handle = bus.add(std::make_unique<Queued>(sink.queue,
                                                         [&] {
                                                           sink.queue->handed.add(SlowSink::items);
                                                           sink.begin();
                                                           while (sink.queue->queued() > 0) std::this_thread::yield();
                                                         }),
                                probe_options({BatchEnd::id}));
  bus.add(std::make_unique<Probe>([&](const Slot&) { ++others; }), probe_options({BatchEnd::id}));
  bus.publish(BatchEnd{.step = 1});
  bus.flush();
  EXPECT_FALSE(handle->failed()) << handle->error();
  EXPECT_EQ(others, 1u);
  bus.close();
  EXPECT_EQ(handle->life(), Subscription::Life::completed);
}

}  // namespace
}  // namespace sidestep
