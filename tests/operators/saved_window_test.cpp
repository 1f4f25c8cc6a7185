// What a window saves of the events that it keeps whole.
#include "operators/stream.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;

template <class E>
Slot slot_with(const E& event, Sequence number, Nanoseconds stamp, unsigned char rubbish) {
  Slot slot;
  std::memset(static_cast<void*>(&slot), rubbish, sizeof slot);  // what earlier events have left in it
  slot.sequence = number;
  slot.stamp = stamp;
  slot.type = E::id;
  slot.size = sizeof(E);
  std::memcpy(slot.body, &event, sizeof event);
  return slot;
}

/// A window over events of two types, that the test drives itself.
struct Windowed {
  Bus bus{{.thread = false}};
  std::vector<double> output;
  Handle handle = bus.on<Metric, Number>() | window(sliding(3)) | sum([](const OneOf<Metric, Number>& e) {
                    const Metric* const metric = e.get_if<Metric>();
                    if (metric == nullptr) return e.get_if<Number>()->value;
                    return metric->metric.text() == "ten" ? metric->value * 10 : 0;
                  }) |
                  subscribe(saved, pure([this](double x) { output.push_back(x); }));

  void run(int from, int to, Nanoseconds stamp, unsigned char rubbish) {
    for (int i = from; i <= to; ++i) {
      const auto number = static_cast<Sequence>(stamp + i);
      const Slot slot = i % 2 == 0 ? slot_with(Number{static_cast<double>(i)}, number, stamp, rubbish)
                                   : slot_with(Metric{.value = static_cast<double>(i), .metric = intern("ten")}, number,
                                               stamp, rubbish);
      handle->pipeline().run(std::span(&slot, 1));
    }
  }
  States save() {
    States states;
    handle->pipeline().mark({.kind = Mark::Kind::barrier, .cut = 1, .sink = &states});
    return states;
  }
};

TEST(SavedWindow, OverSeveralTypesHoldsNeitherStampsNorNumbersNorRubbish) {
  for (const int values : {0, 2, 5}) {
    Windowed a, b, whole;
    a.run(1, values, 1000, 0xaa);
    b.run(1, values, 77, 0x55);
    States states = a.save();
    EXPECT_EQ(states.parts, b.save().parts) << values;
    Windowed resumed;
    resumed.handle->pipeline().mark({.kind = Mark::Kind::restore, .sink = &states});
    EXPECT_EQ(resumed.save().parts, states.parts) << values;
    resumed.run(values + 1, 9, 5, 0x11);
    whole.run(1, 9, 5, 0x11);
    a.output.insert(a.output.end(), resumed.output.begin(), resumed.output.end());
    EXPECT_EQ(a.output, whole.output) << values;
  }
}

TEST(SavedWindow, OverSeveralTypesSavesNamesAsText) {
  Windowed a;
  a.run(1, 2, 0, 0);
  const States states = a.save();
  const std::string_view all(reinterpret_cast<const char*>(states.parts[0].data()), states.parts[0].size());
  EXPECT_NE(all.find("ten"), std::string_view::npos);
}

TEST(SavedWindow, ThatHoldsAnEventOfAnotherTypeFailsInWords) {
  States states;
  {
    Bus bus({.thread = false});
    const Handle handle = bus.on<BatchEnd, Number>() | window(sliding(3)) |
                          sum([](const OneOf<BatchEnd, Number>&) { return 1.0; }) |
                          subscribe(saved, pure([](double) {}));
    const Slot slot = slot_with(BatchEnd{.step = 1}, 1, 1, 0);
    handle->pipeline().run(std::span(&slot, 1));
    handle->pipeline().mark({.kind = Mark::Kind::barrier, .cut = 1, .sink = &states});
  }
  Windowed other;
  other.handle->pipeline().mark({.kind = Mark::Kind::restore, .sink = &states});
  EXPECT_TRUE(other.handle->failed());
  EXPECT_NE(other.handle->error().find("another type"), std::string::npos) << other.handle->error();
}

// What enters such a window points to its slot, which is another event's by the time that another thread looks.
TEST(SavedWindow, OverSeveralTypesCarriesItsEventsToAnotherThread) {
  Bus bus({.ring_capacity = 8});
  double total = 0;
  bus.on<BatchEnd, EpochEnd>() | window(count(2)) | observe_on(io) | sum([](const OneOf<BatchEnd, EpochEnd>& e) {
    double value = 0;
    e.visit([&](const auto& event) { value = static_cast<double>(event.step); });
    return value;
  }) | subscribe([&](double x) { total += x; });
  auto producer = bus.producer("test");
  for (Step step = 1; step <= 10'000; ++step) producer.publish(BatchEnd{.step = step});
  bus.close();
  EXPECT_EQ(total, 10'000.0 * 10'001 / 2);
}

}  // namespace
