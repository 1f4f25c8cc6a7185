#include <sidestep/trainer/command/log_selection.hpp>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <limits>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sidestep/bus/subscription.hpp>
#include <sidestep/trainer/config.hpp>
#include <sidestep/trainer/control/nearest.hpp>
#include <sidestep/trainer/control/numbers.hpp>

namespace sidestep {
namespace {

constexpr Nanoseconds second = 1'000'000'000;

std::string listed(const std::vector<std::string>& names) { return fmt::format("{}", fmt::join(names, ", ")); }

}  // namespace

std::string utc(Nanoseconds time) {
  Nanoseconds seconds = time / second, rest = time % second;
  if (rest < 0) --seconds, rest += second;
  const std::time_t whole = static_cast<std::time_t>(seconds);
  std::tm parts{};
  gmtime_r(&whole, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, rest);
}

std::optional<Nanoseconds> utc_time(const std::string& text) {
  std::tm parts{};
  const char* const rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M", &parts);
  if (rest == nullptr) return std::nullopt;
  std::string tail(rest);
  if (tail.ends_with('Z')) tail.pop_back();
  double seconds = 0;
  if (!tail.empty()) {
    const auto number = tail.starts_with(':') ? finite_number(tail.substr(1)) : std::nullopt;
    if (!number || *number < 0 || *number > 60) return std::nullopt;
    seconds = *number;
  }
  const std::time_t whole = ::timegm(&parts);
  if (whole > std::numeric_limits<Nanoseconds>::max() / second - 60 ||
      whole < -std::numeric_limits<Nanoseconds>::max() / second)
    return std::nullopt;
  return static_cast<Nanoseconds>(whole) * second + std::llround(seconds * 1e9);
}

LogPick::LogPick(LogReader& log, const LogSelection& selection)
    : log_(log),
      from_(std::numeric_limits<std::int64_t>::min()),
      to_(std::numeric_limits<std::int64_t>::max()),
      step_(from_) {
  if (selection.by == "time")
    by_ = By::time;
  else if (selection.by == "sequence")
    by_ = By::sequence;
  else if (selection.by != "step")
    throw ConfigError(fmt::format("--by {}: must be step, time or sequence.", selection.by));
  bounded_ = !selection.from.empty() || !selection.to.empty();
  if (!selection.from.empty()) from_ = bound("--from", selection.from);
  if (!selection.to.empty()) to_ = bound("--to", selection.to);
  if (from_ > to_) throw ConfigError(fmt::format("--from {} lies behind --to {}.", selection.from, selection.to));
  if (!selection.rings.empty() || !selection.types.empty() || (bounded_ && by_ == By::sequence)) check_names(selection);
  if (selection.from.empty()) {
    find_last_block();
    return;
  }
  switch (by_) {
    case By::step:
      empty_ = !log_.seek_step(from_);
      break;
    case By::time:
      empty_ = !log_.seek_time(from_);
      break;
    case By::sequence:
      empty_ = !log_.seek_sequence(*rings_.begin(), static_cast<Sequence>(std::max<std::int64_t>(from_, 0)));
      break;
  }
  if (by_ == By::step) step_ = from_ - 1;
  find_last_block();
}

void LogPick::check_names(const LogSelection& selection) {
  log_.read_definitions();
  std::vector<std::string> rings, types;
  for (const auto& [id, ring] : log_.catalog().rings()) rings.push_back(ring.name);
  for (const auto& [id, type] : log_.catalog().types()) types.push_back(type.name);
  const auto refuse = [&](const std::string& option, const std::string& name, const std::string& what,
                          const std::vector<std::string>& all) {
    const std::vector<std::string_view> views(all.begin(), all.end());
    throw ConfigError(fmt::format("{} {}: the log has no such {}. {}", option, name, what,
                                  all.empty() ? fmt::format("It has no {} at all.", what) : did_you_mean(name, views)));
  };
  for (const std::string& name : selection.rings) {
    if (std::ranges::find(rings, name) == rings.end()) refuse("--ring", name, "ring", rings);
    for (const auto& [id, ring] : log_.catalog().rings())
      if (ring.name == name) rings_.insert(id);
  }
  for (const std::string& name : selection.types) {
    if (std::ranges::find(types, name) == types.end()) refuse("--type", name, "type", types);
    for (const auto& [id, type] : log_.catalog().types())
      if (type.name == name) types_.insert(id);
  }
  all_types_ = types_.empty();
  if (by_ == By::sequence && bounded_ && rings_.empty()) {  // numbers are a ring's: the trainer's, or the only one's
    for (const auto& [id, ring] : log_.catalog().rings())
      if (ring.stream == Stream::trainer || rings.size() == 1) rings_.insert(id);
  }
  if (by_ == By::sequence && bounded_ && rings_.size() != 1)
    throw ConfigError(fmt::format("--by sequence: say with --ring whose numbers; the log has {}.",
                                  rings.empty() ? "none" : listed(rings)));
  all_rings_ = rings_.empty();
}

std::int64_t LogPick::bound(const std::string& option, const std::string& text) const {
  if (by_ != By::time) {
    const auto number = whole_number(text);
    if (number && *number >= 0) return *number;
    throw ConfigError(fmt::format("{} {}: must be a whole number, or say --by time.", option, text));
  }
  if (text.starts_with('+')) {
    if (const auto seconds = finite_number(text.substr(1));
        seconds && *seconds >= 0 && *seconds < 1e9) {  // a log may say that it began at the end of time
      Nanoseconds time = 0;
      return __builtin_add_overflow(log_.began(), std::llround(*seconds * 1e9), &time)
                 ? std::numeric_limits<Nanoseconds>::max()
                 : time;
    }
  } else if (const auto time = utc_time(text)) {
    return *time;
  }
  throw ConfigError(fmt::format("{} {}: must be a time like {}, or seconds since the log's begin, like +12.5.", option,
                                text, utc(log_.began()).substr(0, 19) + "Z"));
}

/// Behind this block nothing can be wanted any more.
void LogPick::find_last_block() {
  if (to_ == std::numeric_limits<std::int64_t>::max() || by_ == By::sequence) return;
  const auto& index = log_.index();
  std::size_t end = 0;
  for (std::size_t i = 0; i < index.size(); ++i) {
    const log_format::BlockHeader& header = index[i].header;
    if (by_ == By::step ? header.least_step <= header.greatest_step && header.least_step <= to_
                        : header.events > 0 && header.earliest <= to_)
      end = i + 1;
  }
  // events without a step count to the one before
  if (by_ == By::step)
    while (end < index.size() && index[end].header.least_step > index[end].header.greatest_step) ++end;
  last_block_ = end > 0 ? index[end - 1].header.number : 0;
}

bool LogPick::wants(const LoggedEvent& event) {
  std::int64_t place = 0;
  if (bounded_) {
    switch (by_) {
      case By::step: {
        const auto step = log_.catalog().step(event);
        if (step) step_ = std::max(step_, *step);
        place = step ? *step : step_;
        break;
      }
      case By::time:
        place = event.stamp;
        break;
      case By::sequence:
        place = static_cast<std::int64_t>(event.sequence);
        break;
    }
    if (place < from_ || place > to_) return false;
  }
  return (all_rings_ || rings_.contains(event.ring)) && (all_types_ || types_.contains(event.type));
}

}  // namespace sidestep
