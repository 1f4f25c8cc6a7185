#include "small_run.hpp"

#include <sidestep/trainer/control/report.hpp>

namespace sidestep::test {
namespace {

std::set<std::string> keys(const nlohmann::json& json) {
  std::set<std::string> all;
  for (const auto& [key, value] : json.items()) all.insert(key);
  return all;
}

TEST(Report, HasTheKeysThatItsReadersKnow) {
  Bus bus({.thread = true});
  Control control;
  SmallRun run{.steps = 12, .options = {.sync = lag(2)}};
  Source<BatchEnd> first = bus.on<BatchEnd>().named("one"), second = bus.on<BatchEnd>().named("two");
  first.options.owner = second.options.owner = "callback";
  std::move(first) | decide(control, pure([](const BatchEnd& e) -> std::optional<Noted> {
                              if (e.step != 3 && e.step < 11) return std::nullopt;
                              Noted noted{1, e.step};
                              if (e.step > 10) noted.reason = "it is as late as that";
                              return noted;
                            }));
  std::move(second) | observe_on(io) | subscribe([](const BatchEnd& e) {
    if (e.step == 4) throw std::runtime_error("four");
  });
  nlohmann::json bus_part, boundary, callbacks, reproducible;
  run.options.before_visible = {};
  AttachOptions options = run.options;
  {
    Loop loop(control, bus, options);
    loop.on<Noted>([](const Noted&) { return Outcome{.value = 7, .learning_rate = 0.5, .refused = {}}; });
    for (Step step = 1; step <= 12; ++step) {
      loop.publish(BatchEnd{.step = step, .learning_rate = 0.1});
      loop.boundary();
    }
    loop.finish();
    bus_part = bus_report(bus, loop);
    boundary = boundary_report(loop);
    callbacks = callbacks_report(bus);
    reproducible = reproducible_report(loop);
    EXPECT_EQ(interrupted_report(loop), nullptr);
  }
  for (const char* key : {"events", "published", "delivered", "dropped", "pending", "publisher_waits", "publish_ns"})
    EXPECT_TRUE(bus_part.contains(key)) << key;
  EXPECT_EQ(keys(bus_part["publish_ns"]), (std::set<std::string>{"p50", "p99", "p999", "max", "timed"}));
  EXPECT_GE(bus_part["publish_ns"]["timed"], 1);  // the first
  EXPECT_GE(bus_part["clock_step_ns"], 1);
  EXPECT_EQ(keys(boundary["ns"]), (std::set<std::string>{"p50", "p999", "timed"}));
  EXPECT_EQ(bus_part["published"],
            bus_part["delivered"].get<int>() + bus_part["dropped"].get<int>() + bus_part["pending"].get<int>());
  EXPECT_EQ(keys(boundary),
            (std::set<std::string>{"count", "ns", "waits", "waited_ns", "pending_at_end", "refused", "decisions"}));
  EXPECT_EQ(boundary["count"], 12);
  EXPECT_EQ(boundary["pending_at_end"].size(), 2u);
  for (const auto& row : boundary["pending_at_end"]) EXPECT_EQ(row["reason"], "it is as late as that");
  ASSERT_EQ(boundary["decisions"].size(), 1u);
  EXPECT_EQ(boundary["decisions"][0], (nlohmann::json{{"decision", "noted"},
                                                      {"by", "callback"},
                                                      {"reason", ""},
                                                      {"cause_step", 3},
                                                      {"applied_step", 5},
                                                      {"value", 7.0},
                                                      {"learning_rate", 0.5}}));
  ASSERT_EQ(callbacks.size(), 1u);
  EXPECT_EQ(keys(callbacks[0]), (std::set<std::string>{"name", "events", "cpu_seconds", "max_backlog", "delay_ns",
                                                       "failures", "last_error"}));
  EXPECT_EQ(callbacks[0]["name"], "callback");
  EXPECT_EQ(callbacks[0]["failures"], 1);
  EXPECT_EQ(callbacks[0]["last_error"], "four");
  EXPECT_EQ(reproducible["promised"], true);
}

TEST(Report, NamesTheFileOfASavedCheckpointAndOnlyThere) {
  const AppliedRow saved{.decision = "save_checkpoint",
                         .by = "model_checkpoint",
                         .reason = "the last",
                         .cause_step = 3,
                         .applied_step = 3,
                         .file = "last.safetensors"};
  EXPECT_EQ(to_json(saved)["file"], "last.safetensors");
  const AppliedRow stop{.decision = "stop", .by = "early_stopping", .reason = "", .cause_step = 3, .applied_step = 5};
  EXPECT_FALSE(to_json(stop).contains("file"));
  // a run that goes on reports both as one that was never interrupted
  CheckpointState state;
  state.decisions = {saved, stop};
  EXPECT_EQ(CheckpointState::from_text(state.to_text()).decisions, state.decisions);
}

}  // namespace
}  // namespace sidestep::test
