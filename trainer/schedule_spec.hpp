#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sidestep/bus/types.hpp>
#include <sidestep/trainer/control/schedule.hpp>

namespace sidestep {

/// A learning-rate schedule as a person asks for it, before the length of an epoch and the base rate are known:
///
///   constant
///   step[:every=EPOCHS,by=FACTOR]           every 2 epochs times 0.5, say (every=1, by=0.1)
///   cosine[:epochs=EPOCHS,floor=LR]         down to `floor` (0) over the epochs (those of the run)
///   warmup:steps=STEPS[,from=SHARE][,then=NAME][,...]   first up in a straight line, then NAME (cosine), whose options the rest are
struct ScheduleSpec {
  Schedule::Shape shape = Schedule::Shape::cosine;
  std::int64_t every = 1;                ///< step: epochs
  double by = 0.1;                       ///< step
  std::optional<std::int64_t> epochs{};  ///< cosine: nothing means those of the run
  double floor = 0;                      ///< cosine
  Step warmup = 0;                       ///< steps
  double from = 0;                       ///< share of the base rate with which the warm-up begins

  std::string text() const;
  friend bool operator==(const ScheduleSpec&, const ScheduleSpec&) = default;
};

/// Reads what text() writes. Throws SpecError, with the nearest right name.
ScheduleSpec parse_schedule(std::string_view text);

/// The schedule itself. `epochs` are the run's, for a cosine that names none; the warm-up is a part of them.
Schedule make_schedule(const ScheduleSpec& spec, double base, Step steps_per_epoch, std::int64_t epochs);

}  // namespace sidestep
