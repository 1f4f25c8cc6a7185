#include "operators/stream.hpp"
#include "replaced_new.hpp"

#include <gtest/gtest.h>

namespace {
thread_local bool counting = false;
thread_local std::size_t allocations = 0;
thread_local std::ptrdiff_t live = 0;
}  // namespace

void* sidestep::test::take_memory(std::size_t bytes, std::size_t alignment) {
  if (counting) ++allocations, ++live;
  return aligned_memory(bytes, alignment);
}
void sidestep::test::give_memory(void* memory) noexcept {
  if (counting && memory != nullptr) --live;
  std::free(memory);
}

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(Fused, DescribesItsStagesAndTheTypesBetweenThem) {
  Bus bus({.thread = false});
  const Handle handle = bus.on<BatchEnd>() | every(100) | window(count(10)) | mean(&BatchEnd::loss) | observe_on(io) |
                        filter(not_finite) | take(1) | subscribe([](double) {});
  const std::vector<std::string> lines = handle->pipeline().describe();
  ASSERT_EQ(lines.size(), 14u);
  EXPECT_EQ(lines[0], "BatchEnd");
  EXPECT_EQ(lines[1], "every(100)");
  EXPECT_EQ(lines[3], "window(10)");
  EXPECT_EQ(lines[5], "mean");
  EXPECT_EQ(lines[6], "double");
  EXPECT_EQ(lines[7], "observe_on(io)");
  EXPECT_EQ(lines[11], "take(1)");
  EXPECT_EQ(lines[13], "subscribe");
}

TEST(Fused, PipelinesWithOtherArgumentsHaveOtherKeys) {
  Bus bus({.thread = false});
  const auto key = [&](int n) {
    Handle handle = bus.on<Number>() | every(n) | subscribe([](const Number&) {});
    return handle->key().substr(handle->key().rfind('/'));
  };
  EXPECT_EQ(key(3), key(3));
  EXPECT_NE(key(3), key(4));
  const Handle train = bus.on<Metric>() | filter(named("train/loss")) | subscribe([](const Metric&) {});
  const Handle val = bus.on<Metric>() | filter(named("val/loss")) | subscribe([](const Metric&) {});
  EXPECT_EQ(val->pipeline().describe()[1], "filter(val/loss)");
  EXPECT_NE(train->key().substr(train->key().rfind('/')), val->key().substr(val->key().rfind('/')));
}

// Or who moves it elsewhere would begin anew with its next checkpoint.
TEST(Fused, WherePipelinesRunIsNoPartOfTheirKeys) {
  Bus bus({.thread = false});
  const auto key = [&](observe_on where) {
    Handle handle = bus.on<Number>() | std::move(where) | subscribe([](const Number&) {});
    return handle->key().substr(handle->key().rfind('/'));
  };
  EXPECT_EQ(key(observe_on(io)), key(observe_on(compute)));
  EXPECT_EQ(key(observe_on(io)), key(observe_on(IoExecutor::executor())));
  const Handle here = bus.on<Number>() | subscribe([](const Number&) {});
  EXPECT_NE(here->key().substr(here->key().rfind('/')), key(observe_on(io)));
}

// A throw at any stage fails this pipeline alone, names the event, loses nobody else's, and leaks nothing.
TEST(Fused, AThrowAtAnyPositionIsolatesThePipeline) {
  struct Thrower {
    int at;
    double operator()(double x) const {
      if (x == at) throw std::runtime_error("thrown at " + text_of(x));
      return x;
    }
  };
  for (int position = 0; position < 4; ++position) {
    counting = true;
    live = 0;
    {
      Bus bus({.thread = false});
      const auto throws_at = [&](int here) { return map(Thrower{here == position ? 3 : 99}); };
      int seen = 0, others = 0;
      const Handle handle = bus.on<Number>() | map(&Number::value) | throws_at(0) | distinct(4) | throws_at(1) |
                            window(sliding(2)) | sum() | map([](double x) { return x - 2; }) | throws_at(2) |
                            subscribe([&, position](double) {
                              if (++seen == 3 && position == 3) throw 3;
                            });
      const Handle other = bus.on<Number>() | subscribe([&](const Number&) { ++others; });
      Producer producer = bus.producer("test");
      for (int i = 1; i <= 6; ++i) producer.publish(Number{static_cast<double>(i)});
      bus.flush();
      EXPECT_TRUE(handle->failed()) << position;
      EXPECT_EQ(handle->error(), position == 3 ? "it threw something that is no std::exception." : "thrown at 3")
          << position;
      EXPECT_EQ(others, 6);
      EXPECT_FALSE(other->failed());
      EXPECT_EQ(handle->delivered() + handle->pending(), handle->published());
      bus.close();
    }
    counting = false;
  }
}

TEST(Fused, AHandlerThatPublishesIsNotEnteredTwice) {
  Bus bus({.thread = false});
  int depth = 0, deepest = 0, seen = 0;
  bus.on<Number>() | subscribe([&](const Number& n) {
    deepest = std::max(deepest, ++depth);
    ++seen;
    if (n.value > 0) bus.publish(Number{n.value - 1});
    --depth;
  });
  bus.publish(Number{5});
  while (bus.poll()) {
  }
  EXPECT_EQ(deepest, 1);
  EXPECT_EQ(seen, 6);
}

TEST(Fused, AHandleMayBeEndedFromInside) {
  Bus bus({.thread = false});
  Handle handle;
  int seen = 0;
  handle = bus.on<Number>() | subscribe([&](const Number&) {
             if (++seen == 2) handle->end();
           });
  for (int i = 0; i < 5; ++i) {
    bus.publish(Number{1});
    while (bus.poll()) {
    }
  }
  EXPECT_EQ(seen, 2);
  EXPECT_EQ(handle->life(), Subscription::Life::ended);
}

template <class Build>
std::size_t allocations_of(Build build) {
  double total = 0;  // a chain may still say something when the bus is closed
  Bus bus({.thread = false});
  const Handle handle = build(bus.on<Number>() | map(&Number::value)) | subscribe([&](double x) { total += x; });
  std::vector<Slot> slots;
  for (Sequence i = 1; i <= 256; ++i)
    slots.push_back(slot_of({static_cast<Nanoseconds>(i), static_cast<double>(i * i % 17)}, i));
  handle->pipeline().run(slots);
  counting = true;
  allocations = 0;
  for (int i = 0; i < 4; ++i) {
    handle->pipeline().run(slots);
    handle->pipeline().mark({.kind = Mark::Kind::tick, .number = 256, .stamp = 1000});
  }
  counting = false;
  EXPECT_NE(total, 0);
  return allocations;
}

TEST(Fused, AllocatesNothingForAnEvent) {
  EXPECT_EQ(allocations_of([](auto in) {
              return std::move(in) | filter([](double x) { return x > 2; }) | every(2) | tap([](double) {});
            }),
            0u);
  EXPECT_EQ(allocations_of([](auto in) {
              return std::move(in) | scan(0.0, [](double a, double x) { return a + x; }) | distinct_until_changed();
            }),
            0u);
  EXPECT_EQ(allocations_of([](auto in) { return std::move(in) | distinct(5); }), 0u);
  EXPECT_EQ(allocations_of([](auto in) {
              return std::move(in) | skip(3) | skip_while([](double x) { return x < 1; }) | start_with(1, 2) |
                     skip_last(5) | pairwise() |
                     map([](const std::pair<double, double>& both) { return both.second; }) | materialize() |
                     dematerialize() | default_if_empty(1) | take_until([](double x) { return x < 0; });
            }),
            0u);
  EXPECT_EQ(allocations_of([](auto in) {
              Bus* const bus = bus_of(in);
              return merge(std::move(in) | take_last(9) | last() | reduce(0.0, std::plus<>()),
                           bus->on<Number>() | map(&Number::value));
            }),
            0u);
  EXPECT_EQ(allocations_of([](auto in) { return std::move(in) | throttle(3ns); }), 0u);
  EXPECT_EQ(allocations_of([](auto in) { return std::move(in) | sample(3ns); }), 0u);
  EXPECT_EQ(allocations_of([](auto in) { return std::move(in) | debounce(1ns); }), 0u);
  EXPECT_EQ(allocations_of([](auto in) { return std::move(in) | window(count(3)) | mean(); }), 0u);
  EXPECT_EQ(allocations_of([](auto in) { return std::move(in) | window(sidestep::time(3ns)) | variance(); }), 0u);
  EXPECT_EQ(allocations_of([](auto in) { return std::move(in) | window(sliding(7)) | min_of(); }), 0u);
  EXPECT_EQ(allocations_of([](auto in) { return std::move(in) | window(sliding(7, 2)) | standard_deviation(); }), 0u);
  EXPECT_EQ(allocations_of([](auto in) {
              Bus* const bus = bus_of(in);
              return merge(std::move(in), bus->on<Number>() | map(&Number::value) | every(2));
            }),
            0u);
}

}  // namespace
