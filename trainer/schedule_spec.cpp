#include <sidestep/trainer/schedule_spec.hpp>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sidestep/trainer/control/nearest.hpp>
#include <sidestep/trainer/control/numbers.hpp>
#include <sidestep/trainer/control/spec.hpp>

namespace sidestep {
namespace {

constexpr std::array<std::string_view, 3> shapes{"constant", "step", "cosine"};
constexpr std::array<std::string_view, 4> schedules{"constant", "step", "cosine", "warmup"};

std::int64_t read_count(const std::string& key, const std::string& value) {
  const auto count = whole_number(value);
  if (!count || *count < 1 || *count > 1'000'000'000)
    throw SpecError(fmt::format("{}={} must be a whole number from 1 to 1000000000", key, value));
  return *count;
}

double read_number(const std::string& key, const std::string& value, double least, double most) {
  const auto number = finite_number(value);
  if (!number || *number < least || *number > most)
    throw SpecError(fmt::format("{}={} must be a number from {} to {}", key, value, least, most));
  return *number;
}

Schedule::Shape read_shape(const std::string& name) {
  const auto found = std::ranges::find(shapes, name);
  if (found == shapes.end())
    throw SpecError(fmt::format("unknown schedule '{}'. {}", name, did_you_mean(name, shapes)));
  return static_cast<Schedule::Shape>(found - shapes.begin());
}

std::vector<std::string_view> keys_of(Schedule::Shape shape) {
  switch (shape) {
    case Schedule::Shape::step:
      return {"every", "by"};
    case Schedule::Shape::cosine:
      return {"epochs", "floor"};
    case Schedule::Shape::constant:
      break;
  }
  return {};
}

void set(ScheduleSpec& spec, const std::string& key, const std::string& value) {
  if (key == "every") spec.every = read_count(key, value);
  if (key == "by") spec.by = read_number(key, value, 0, 1);
  if (key == "epochs") spec.epochs = read_count(key, value);
  if (key == "floor") spec.floor = read_number(key, value, 0, 1000);
  if (key == "steps") spec.warmup = read_count(key, value);
  if (key == "from") spec.from = read_number(key, value, 0, 1);
}

}  // namespace

std::string ScheduleSpec::text() const {
  Spec written;
  const auto add = [&](std::string key, auto value) {
    written.options.emplace_back(std::move(key), fmt::format("{}", value));
  };
  const std::string_view name = shapes.at(static_cast<std::size_t>(shape));
  written.name = warmup > 0 ? "warmup" : name;
  if (warmup > 0) {
    add("steps", warmup);
    if (from != 0) add("from", from);
    add("then", name);
  }
  if (shape == Schedule::Shape::step) {
    add("every", every);
    add("by", by);
  }
  if (shape == Schedule::Shape::cosine && epochs) add("epochs", *epochs);
  if (shape == Schedule::Shape::cosine && floor != 0) add("floor", floor);
  return written.text();
}

ScheduleSpec parse_schedule(std::string_view text) {
  const Spec given = parse_spec(text);
  const bool warm = given.name == "warmup";
  if (!warm && std::ranges::find(shapes, given.name) == shapes.end())
    throw SpecError(fmt::format("unknown schedule '{}'. {}", given.name, did_you_mean(given.name, schedules)));
  const std::string* then = given.find("then");
  ScheduleSpec spec;
  spec.shape = read_shape(!warm ? given.name : then != nullptr ? *then : "cosine");
  std::vector<std::string_view> keys = keys_of(spec.shape);
  if (warm) keys.insert(keys.end(), {"steps", "from", "then"});
  for (const auto& [key, value] : given.options) {
    if (std::ranges::find(keys, key) == keys.end())
      throw SpecError(fmt::format("schedule '{}' has no option '{}'. {}", given.name, key, did_you_mean(key, keys)));
    set(spec, key, value);
  }
  if (warm && spec.warmup == 0) throw SpecError("a warm-up needs its length. Write warmup:steps=500");
  return spec;
}

Schedule make_schedule(const ScheduleSpec& spec, double base, Step steps_per_epoch, std::int64_t epochs) {
  const Step whole = spec.epochs.value_or(epochs) * steps_per_epoch;
  return {.shape = spec.shape,
          .base = base,
          .warmup = spec.warmup,
          .warmup_from = spec.from,
          .factor = spec.by,
          .every = spec.every * steps_per_epoch,
          .length = std::max<Step>(whole - spec.warmup, 1),
          .floor = std::min(spec.floor, base)};
}

}  // namespace sidestep
