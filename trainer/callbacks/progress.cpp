#include <sidestep/operators/observe_on.hpp>
#include <sidestep/operators/pipe.hpp>
#include <sidestep/operators/subscribe.hpp>
#include <sidestep/trainer/callbacks/arguments.hpp>
#include <sidestep/trainer/callbacks/progress.hpp>
#include <sidestep/trainer/control/atomic_file.hpp>
#include <sidestep/trainer/control/numbers.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace sidestep {
namespace {

constexpr double second = 1e9;
constexpr int fewest_columns = 20;

std::string duration(double seconds) {
  const auto whole = static_cast<std::int64_t>(seconds + 0.5);
  if (whole < 60) return fmt::format("{}s", whole);
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
}

std::string rate(double value) {
  if (value >= 1e6) return fmt::format("{:.2f}M", value / 1e6);
  if (value >= 1e4) return fmt::format("{:.1f}k", value / 1e3);
  return fmt::format("{:.0f}", value);
}

std::string of(std::int64_t at, std::int64_t all) {
  return all > 0 ? fmt::format("{}/{}", at, all) : fmt::to_string(at);
}

std::string batch_text(const ProgressPoint& p) {
  std::string text = fmt::format("epoch {}  step {}  loss {:.4f}  accuracy {:.4f}", of(p.epoch, p.epochs),
                                 of(p.step, p.last_step), without_sign_if_nan(p.loss), without_sign_if_nan(p.accuracy));
  if (p.samples_per_second > 0) text += fmt::format("  {} samples/s", rate(p.samples_per_second));
  if (p.seconds_left >= 0) text += fmt::format("  ETA {}", duration(p.seconds_left));
  if (p.says_rate) text += fmt::format("  lr {:.3g}", p.learning_rate);
  return text;
}

/// The same for a terminal of 80 columns.
std::string short_batch_text(const ProgressPoint& p) {
  std::string text = fmt::format("epoch {} {} loss {:.4f} acc {:.4f}", of(p.epoch, p.epochs), of(p.step, p.last_step),
                                 without_sign_if_nan(p.loss), without_sign_if_nan(p.accuracy));
  if (p.samples_per_second > 0) text += fmt::format(" {}/s", rate(p.samples_per_second));
  if (p.seconds_left >= 0) text += fmt::format(" ETA {}", duration(p.seconds_left));
  if (p.says_rate) text += fmt::format(" lr {:.2g}", p.learning_rate);
  return text;
}

std::string epoch_text(const ProgressPoint& p) {
  std::string text = fmt::format("epoch {}", of(p.epoch, p.epochs));
  if (p.row->partial) {
    text += fmt::format(" (cut short at step {})", p.step);
    if (p.seen)
      text +=
          fmt::format("  loss {:.4f}  accuracy {:.4f}", without_sign_if_nan(p.loss), without_sign_if_nan(p.accuracy));
  }
  for (const auto& [name, value] : p.row->metrics)
    if (name != "lr") text += fmt::format("  {} {:.4f}", name, without_sign_if_nan(value));
  const double* const rate_at_end = p.row->find("lr");
  if (rate_at_end != nullptr || p.says_rate)
    text += fmt::format("  lr {:.3g}", without_sign_if_nan(rate_at_end != nullptr ? *rate_at_end : p.learning_rate));
  if (p.row->seconds > 0)
    text += fmt::format("  {:.1f}s  {} samples/s", p.row->seconds, rate(p.row->samples_per_second));
  return text;
}

int columns_of_terminal() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

}  // namespace

void ProgressGate::begin_epoch(Nanoseconds now) {
  loss_sum_ = accuracy_sum_ = 0;
  samples_ = steps_ = 0;
  began_ = now;
}

void ProgressGate::add(const BatchEnd& batch, Nanoseconds now) {
  if (began_ == 0) began_ = now;  // a loop that says nothing of its epochs
  const double weight = batch.samples > 0 ? batch.samples : 1;
  loss_sum_ += batch.loss * weight;
  accuracy_sum_ += batch.accuracy * weight;
  samples_ += static_cast<std::int64_t>(weight);
  ++steps_;
  now_.step = batch.step;
  now_.epoch = batch.epoch;
  now_.learning_rate = batch.learning_rate;
  now_.says_rate = says_rate_ |= batch.learning_rate != 0;
}

ProgressPoint ProgressGate::point(ProgressPoint::Kind kind, Nanoseconds now) const {
  ProgressPoint result = now_;
  result.kind = kind;
  if (samples_ > 0) {
    result.seen = true;
    result.loss = loss_sum_ / static_cast<double>(samples_);
    result.accuracy = accuracy_sum_ / static_cast<double>(samples_);
  }
  const double seconds = static_cast<double>(now - began_) / second;
  if (seconds > 0 && steps_ > 0) result.samples_per_second = static_cast<double>(samples_) / seconds;
  const double a_step = seconds > 0 && steps_ > 0 ? seconds / static_cast<double>(steps_) : seconds_a_step_;
  if (now_.last_step > 0 && a_step > 0) result.seconds_left = a_step * static_cast<double>(now_.last_step - now_.step);
  return result;
}

std::optional<ProgressPoint> ProgressGate::rare(const In& event, Nanoseconds now) {
  if (const auto* begin = event.get_if<FitBegin>()) {
    now_ = {.step = begin->step, .last_step = begin->last_step, .epoch = begin->epoch, .epochs = begin->epochs};
    begin_epoch(now);
    next_ = now + interval_;
    return point(ProgressPoint::Kind::run, now);
  }
  if (const auto* begin = event.get_if<EpochBegin>()) {
    now_.epoch = begin->epoch;
    begin_epoch(now);
    return {};
  }
  if (event.get_if<ValidationBegin>() != nullptr) return point(ProgressPoint::Kind::validation, now);
  if (const auto* end = event.get_if<EpochEnd>()) {
    now_.epoch = end->epoch;
    ProgressPoint result = point(ProgressPoint::Kind::epoch, now);
    result.row = std::make_shared<const EpochRow>(rows_.finish(*end));
    if (steps_ > 0 && end->seconds > 0) seconds_a_step_ = end->seconds / static_cast<double>(steps_);
    begin_epoch(now);
    return result;
  }
  if (const auto* test = event.get_if<TestEnd>()) {
    ProgressPoint result = point(ProgressPoint::Kind::test, now);
    result.loss = test->loss;
    result.accuracy = test->accuracy;
    return result;
  }
  if (const auto* end = event.get_if<FitEnd>()) {
    now_.stopped = end->stopped;
    return point(ProgressPoint::Kind::end, now);
  }
  return {};
}

void ProgressPrinter::operator()(const ProgressPoint& p) {
  using Kind = ProgressPoint::Kind;
  switch (p.kind) {
    case Kind::run:
      break;
    case Kind::batch:
      if (terminal_)
        live(batch_text(p), [&] { return short_batch_text(p); });
      else
        line(batch_text(p));
      break;
    case Kind::validation:
      if (terminal_)
        live(fmt::format("epoch {}  step {}  validation ...", of(p.epoch, p.epochs), of(p.step, p.last_step)), {});
      break;
    case Kind::epoch:
      line(epoch_text(p));
      break;
    case Kind::test:
      line(fmt::format("test  loss {:.4f}  accuracy {:.4f}", without_sign_if_nan(p.loss),
                       without_sign_if_nan(p.accuracy)));
      break;
    case Kind::end:
      clear();
      if (p.stopped) line(fmt::format("stopped behind step {}", of(p.step, p.last_step)));
      break;
  }
}

void ProgressPrinter::end() { clear(); }

void ProgressPrinter::line(std::string text) {
  clear();
  write_(text += '\n');
}

void ProgressPrinter::live(std::string text, const std::function<std::string()>& shorter) {
  // one column stays free: a full line would make some terminals wrap
  const auto width = static_cast<std::size_t>(columns_ > 1 ? columns_ - 1 : 79);
  if (text.size() > width && shorter) text = shorter();
  if (text.size() > width) text.resize(width);
  live_ = true;
  write_(fmt::format("\r{}\x1b[K", text));
}

void ProgressPrinter::clear() {
  if (!std::exchange(live_, false)) return;
  write_("\r\x1b[K");
}

bool terminal_for_a_live_line() {
  const char* const kind = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && kind != nullptr && *kind != '\0' && std::string_view(kind) != "dumb";
}

Callback progress(ProgressOptions options) {
  if (!(options.interval > 0 && options.interval < 1e6))
    throw CallbackError(fmt::format("progress: interval={} is no length of time. Say seconds above 0, below a million.",
                                    options.interval));
  if (!(options.every >= 0 && options.every < 1e9))
    throw CallbackError(
        fmt::format("progress: every={} is no length of time. Say seconds from 0, below a billion.", options.every));
  if (options.columns < 0 || (options.columns > 0 && options.columns < fewest_columns) || options.columns > 10'000)
    throw CallbackError(
        fmt::format("progress: columns={} has no room for a line. Say {} to 10000, or 0: the terminal is asked.",
                    options.columns, fewest_columns));
  return {"progress", "", [options](CallbackContext& run) {
            const bool terminal = options.terminal.value_or(terminal_for_a_live_line());
            const double seconds = terminal ? options.interval : options.every > 0 ? options.every : 1e9;
            auto write = options.write;
            if (!write)
              write = [](std::string_view text) {
                if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
                  throw FileError("standard output", "be written", errno);
              };
            run.on<FitBegin, EpochBegin, BatchEnd, Metric, ValidationBegin, EpochEnd, TestEnd, FitEnd>().from(
                Stream::trainer) |
                ProgressGate(static_cast<Nanoseconds>(seconds * second), run.learning_rate.has_value()) |
                observe_on(io) |
                subscribe(ProgressPrinter(std::move(write), terminal,
                                          options.columns > 0 ? options.columns : columns_of_terminal()));
          }};
}

namespace {

constexpr CallbackOption progress_options[] = {
    {"interval", "seconds", "0.1", "between two looks of the live line"},
    {"every", "seconds", "10", "without a terminal, between two lines within an epoch; 0: none"},
    {"terminal", "yes|no|auto", "auto", "a live line, or plain ones; auto: live on a terminal that isn't dumb"},
    {"columns", "integer", "0", "of the terminal, from 20; 0: it is asked"}};

Callback make_progress(const CallbackArguments& given) {
  ProgressOptions o;
  given.number("interval", o.interval).number("every", o.every).flag("terminal", o.terminal);
  given.integer("columns", o.columns, 0);
  return progress(o);
}

}  // namespace

constinit const CallbackEntry progress_entry{
    .name = "progress",
    .summary = "says how the run goes",
    .options = progress_options,
    .make = make_progress,
    .by_default = "",
};

}  // namespace sidestep
