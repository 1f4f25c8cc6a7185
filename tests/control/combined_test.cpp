// Operators of several inputs, groups and errors before `decide`.
#include "small_run.hpp"

namespace sidestep::test {
namespace {

using namespace std::chrono_literals;

constexpr auto note = [](Step step) { return Noted{1, step}; };
/// A run of 6 steps under lag(1) whose pipeline ends in decide; what it asked for.
template <class Build>
std::string asked(Build build) {
  SmallRun run{.steps = 6, .options = {.sync = lag(1)}};
  run.pipelines = [&](Bus& bus, Control& control) { build(bus) | decide(control, note); };
  run.go();
  return run.table();
}

TEST(Combined, TwoInputsBeforeDecide) {
  const std::string all = asked([](Bus& bus) { return bus.on<BatchEnd>().named("p") | map(&BatchEnd::step); });
  EXPECT_EQ(asked([](Bus& bus) {
              return zip(bus.on<BatchEnd>().named("p") | map(&BatchEnd::step),
                         bus.on<BatchEnd>() | map(&BatchEnd::step), [](Step a, Step) { return a; });
            }),
            all);
  EXPECT_EQ(asked([](Bus& bus) {
              return join(bus.on<BatchEnd>().named("p"), &BatchEnd::step, bus.on<BatchEnd>(), &BatchEnd::step,
                          [](const BatchEnd& a, const BatchEnd&) { return a.step; });
            }),
            all);
  EXPECT_EQ(asked([](Bus& bus) {
              return bus.on<BatchEnd>().named("p") | map(&BatchEnd::step) |
                     take_until(bus.on<BatchEnd>() | filter([](const BatchEnd& e) { return e.step > 99; }));
            }),
            all);
  EXPECT_NE(all, "");
}

TEST(Combined, GroupsAndSharesBeforeDecide) {
  const std::string all = asked([](Bus& bus) { return bus.on<BatchEnd>().named("p") | map(&BatchEnd::step); });
  EXPECT_EQ(asked([](Bus& bus) {
              return bus.on<BatchEnd>().named("p") | map(&BatchEnd::step) |
                     group_by([](Step step) { return step % 2; }, at_most(2),
                              [](auto in) { return std::move(in) | every(1); }) |
                     map([](const std::pair<Step, Step>& pair) { return pair.second; });
            }),
            all);
  EXPECT_EQ(asked([](Bus& bus) {
              return bus.on<BatchEnd>().named("p") | map(&BatchEnd::step) |
                     share([](auto in) { return std::move(in) | every(1); });
            }),
            all);
}

TEST(Combined, WhatIsCaughtBeforeDecideGoesOn) {
  const std::string text = asked([](Bus& bus) {
    return bus.on<BatchEnd>().named("p") |
           map([](const BatchEnd& e) { return e.step == 2 ? throw std::runtime_error("two") : e.step; }) |
           on_error_continue([](std::string_view) {});
  });
  EXPECT_NE(text.find("p 1->2 1001"), std::string::npos) << text;
  EXPECT_EQ(text.find("1002"), std::string::npos) << text;
  EXPECT_NE(text.find("p 3->4 1003"), std::string::npos) << text;
}

TEST(Combined, WhatDependsOnAClockIsRefusedBeforeDecide) {
  const auto refused = [](auto build) {
    SmallRun run{.options = {.sync = lag(1)}};
    run.pipelines = [&](Bus& bus, Control& control) { build(bus) | decide(control, note); };
    EXPECT_THROW(run.go(), ControlError);
  };
  refused([](Bus& bus) {
    return merge_by_time(1s, bus.on<BatchEnd>() | map(&BatchEnd::step), bus.on<BatchEnd>() | map(&BatchEnd::step));
  });
  refused([](Bus& bus) {
    return zip(bus.on<BatchEnd>() | map(&BatchEnd::step), bus.on<BatchEnd>() | throttle(1s),
               [](Step a, const BatchEnd&) { return a; });
  });
  refused([](Bus& bus) {
    return bus.on<BatchEnd>() | map(&BatchEnd::step) | share([](auto in) { return std::move(in) | throttle(1s); });
  });
  refused([](Bus& bus) {
    return bus.on<BatchEnd>() | map(&BatchEnd::step) |
           group_by([](Step) { return 0; }, at_most(1), [](auto in) { return std::move(in) | debounce(1s); }) |
           map([](const std::pair<int, Step>& pair) { return pair.second; });
  });
}

}  // namespace
}  // namespace sidestep::test
