// What reaches a pipeline besides events: barriers, restored states, ticks, the end; and the words of deciders.
#include <sidestep/bus.hpp>

#include <bus/probe.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sidestep {
namespace {

using testing_support::Probe;
using testing_support::probe_options;

struct Sink final : CutSink {
  void answer(std::uint64_t, Subscription&, unsigned, std::vector<std::byte>) override {}
  bool restore(Subscription&, unsigned, std::vector<std::byte>&) override { return false; }
};

struct Watched {
  std::vector<std::string> seen;
  Handle handle;
};

void watch(Bus& bus, Watched& into, PipelineOptions options, bool ticks = false) {
  auto probe = std::make_unique<Probe>([&](const Slot& s) {
    const EventInfo* info = find_event(s.type);
    into.seen.push_back(info != nullptr ? std::string(info->name) : "?");
  });
  probe->ticks = ticks;
  probe->on_mark = [&](const Mark& mark) {
    constexpr const char* names[] = {"progress", "tick", "barrier", "restore", "end", "cancel"};
    into.seen.push_back(std::string(names[static_cast<int>(mark.kind)]) + "@" + std::to_string(mark.number));
  };
  into.handle = bus.add(std::move(probe), std::move(options));
}

class Marks : public ::testing::Test {
 protected:
  Marks() {
    (void)event_info<BatchEnd>(), (void)event_info<Barrier>(), (void)event_info<CheckpointLoaded>();
    bus.cut_sink(&sink);
  }
  ManualClock clock{1000};
  Sink sink;
  Watched saved, other, waits, doesnt;
  std::vector<std::string> order;
  Word word;
  Decider decider;
  Bus bus{{.clock = &clock, .thread = false}};
};

TEST_F(Marks, ABarrierComesBehindAllBeforeItAndBeforeAllBehindIt) {
  PipelineOptions options = probe_options({BatchEnd::id, Barrier::id}, "saved");
  options.saved = true;
  watch(bus, saved, options);
  watch(bus, other, probe_options({BatchEnd::id}, "other"));
  Producer trainer = bus.producer("trainer", Stream::trainer);
  trainer.publish(BatchEnd{.step = 1});
  trainer.publish(BatchEnd{.step = 2});
  trainer.publish(Barrier{.step = 2, .cut = 1});
  trainer.publish(BatchEnd{.step = 3});
  bus.flush();
  EXPECT_EQ(saved.seen, (std::vector<std::string>{"BatchEnd", "BatchEnd", "Barrier", "barrier@3", "BatchEnd"}));
  EXPECT_EQ(other.seen, (std::vector<std::string>{"BatchEnd", "BatchEnd", "BatchEnd"}));
}

TEST_F(Marks, ABarrierOfAnotherProducerIsOnlyAnEvent) {
  PipelineOptions options = probe_options({Barrier::id}, "saved");
  options.saved = true;
  watch(bus, saved, options);
  bus.producer("somebody").publish(Barrier{.step = 1, .cut = 1});
  bus.flush();
  EXPECT_TRUE(saved.seen.empty());  // what is part of a checkpoint sees the trainer's stream alone
}

TEST_F(Marks, ARestoredStateComesBeforeTheEventThatTellsOfIt) {
  PipelineOptions options = probe_options({BatchEnd::id, CheckpointLoaded::id}, "saved");
  options.saved = true;
  watch(bus, saved, options);
  Producer trainer = bus.producer("trainer", Stream::trainer);
  trainer.publish(BatchEnd{.step = 1});
  trainer.publish(CheckpointLoaded{.step = 1});
  bus.flush();
  EXPECT_EQ(saved.seen, (std::vector<std::string>{"BatchEnd", "restore@2", "CheckpointLoaded"}));
}

TEST_F(Marks, TicksComeWhenNothingArrivesAndOnlyToThoseWhoWaitForTime) {
  watch(bus, waits, probe_options({BatchEnd::id}, "waits"), true);
  watch(bus, doesnt, probe_options({BatchEnd::id}, "doesn't"));
  bus.poll();
  const std::size_t before = waits.seen.size();
  bus.poll();  // the clock stands still
  EXPECT_EQ(waits.seen.size(), before);
  clock.advance(10);
  bus.poll();
  EXPECT_EQ(waits.seen.size(), before + 1);
  EXPECT_EQ(waits.seen.back(), "tick@0");
  EXPECT_TRUE(doesnt.seen.empty());
}

TEST_F(Marks, CloseCompletesInOrderOfRegistration) {
  for (const char* name : {"first", "second", "third"}) {
    auto probe = std::make_unique<Probe>([](const Slot&) {});
    probe->on_mark = [this, name](const Mark& mark) {
      if (mark.kind == Mark::Kind::end) order.push_back(name);
    };
    bus.add(std::move(probe), probe_options({BatchEnd::id}, name));
  }
  bus.close();
  EXPECT_EQ(order, (std::vector<std::string>{"first", "second", "third"}));
}

/// A pipeline that decides at each event, inline.
class Deciding final : public Pipeline {
 public:
  explicit Deciding(Decider& decider) : decider_(decider) {}
  void bind(Subscription& to) override { to.decides_with(decider_, 0); }
  std::size_t run(std::span<const Slot> slots) noexcept override {
    for (const Slot& slot : slots) decider_.made += slot.type == BatchEnd::id;
    return slots.size();
  }
  void mark(const Mark&) noexcept override {}
  bool over() const noexcept override { return false; }
  bool wants_ticks() const noexcept override { return false; }
  std::vector<std::string> describe() const override { return {"deciding"}; }

 private:
  Decider& decider_;
};

TEST_F(Marks, AnInlineDecidersWordCoversWhatItHasSeenAndAsked) {
  decider.word = &word;
  decider.eager = true;
  PipelineOptions options = probe_options({BatchEnd::id}, "decides");
  options.decides = true;
  bus.add(std::make_unique<Deciding>(decider), options);
  Producer trainer = bus.producer("trainer", Stream::trainer);
  trainer.publish(BatchEnd{.step = 1});
  trainer.publish(EpochEnd{.step = 1});
  trainer.publish(BatchEnd{.step = 2});
  trainer.publish(EpochEnd{.step = 2});
  bus.flush();
  const Watermark mark = word.load();
  EXPECT_TRUE(mark.reached(4));
  EXPECT_FALSE(mark.reached(5));
  EXPECT_EQ(mark.count(), 2u);
  EXPECT_FALSE(mark.ended());
  bus.close();
  EXPECT_TRUE(word.load().reached(1'000'000));
}

TEST(Watermark, ComparesAcrossTheWrapOfItsFields) {
  const Sequence near = Watermark::number_mask;  // the last number before the field wraps
  EXPECT_TRUE(Watermark::of(near, 0).reached(near));
  EXPECT_FALSE(Watermark::of(near, 0).reached(near + 1));
  EXPECT_TRUE(Watermark::of(near + 3, 0).reached(near));
  EXPECT_FALSE(Watermark::of(near - 1, 0).reached(near + 3));
  const std::uint64_t made = Watermark::count_mask;
  EXPECT_EQ(Watermark::of(1, made + 2).beyond(made), 2u);
  EXPECT_EQ(Watermark::of(1, made).beyond(made), 0u);
  EXPECT_TRUE(Watermark::of(1, 0, true).reached(near));
}

}  // namespace
}  // namespace sidestep
