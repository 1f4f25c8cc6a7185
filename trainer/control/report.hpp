#pragma once

#include <sidestep/bus/bus.hpp>
#include <sidestep/trainer/control/loop.hpp>

#include <nlohmann/json.hpp>

namespace sidestep {

// Sections of report.json. Exact after Loop::finish(); during a run counts are lower bounds.

/// {"events","published","delivered","dropped","pending","publisher_waits","publish_ns":{"p50","p99","p999","max",
/// "timed"},"clock_step_ns"}. One publish in 61 is timed, net of the timer; the clock knows nothing below its step.
nlohmann::json bus_report(const Bus& bus, const Loop& loop);
/// {"count","ns":{"p50","p999","timed"},"waits","waited_ns","pending_at_end":[],"refused":[],"decisions":[]}. On the
/// loop's thread.
nlohmann::json boundary_report(const Loop& loop);
/// [{"name","events","cpu_seconds","max_backlog","delay_ns":{"p50","p99","max"},"failures","last_error"}], one for each
/// owner.
nlohmann::json callbacks_report(const Bus& bus);
/// {"promised","broken":[{"step","by","why"}]}. On the loop's thread.
nlohmann::json reproducible_report(const Loop& loop);
/// {"by","step"}, or null.
nlohmann::json interrupted_report(const Loop& loop);

/// Rows as they stand in the sections above.
nlohmann::json to_json(const AppliedRow& row);
nlohmann::json to_json(const RefusedRow& row);
nlohmann::json to_json(const PendingRow& row);

}  // namespace sidestep
