#include <sidestep/trainer/callbacks/monitor.hpp>
#include <sidestep/trainer/control/nearest.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace sidestep {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return result;
}

bool any_in(std::string_view text, std::span<const std::string_view> words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

/// val_loss, Val/Loss and val/loss are the same to people.
std::string as_people_read(std::string_view name) {
  std::string text = lower(name);
  std::ranges::replace(text, '_', '/');
  std::ranges::replace(text, '-', '/');
  return text;
}

}  // namespace

std::string When::text() const { return batches == 0 ? "epoch" : fmt::format("batch:{}", batches); }

Better::Better(Mode mode, std::string_view metric, double min_delta, std::string_view owner)
    : falls_(mode == Mode::min), min_delta_(std::abs(min_delta)) {
  if (mode != Mode::automatic) return;
  static constexpr std::array<std::string_view, 7> falling{"loss", "err", "perplexity", "mse", "mae", "mape", "nll"};
  static constexpr std::array<std::string_view, 9> rising{"acc",  "auc",       "map",    "iou", "f1",
                                                          "dice", "precision", "recall", "bleu"};
  const std::string name = lower(metric.substr(metric.rfind('/') + 1));
  const bool falls = any_in(name, falling);
  const bool rises = any_in(name, rising) && name.find("mape") == std::string::npos;  // a mean average error in percent
  if (falls == rises)
    throw CallbackError(
        fmt::format("{}: whether a smaller or a greater '{}' is better can't be told from its name. "
                    "Say mode=min or mode=max.",
                    owner, metric));
  falls_ = falls;
}

double Better::worst() const noexcept {
  return falls_ ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
}

Look Monitor::look(Step step, Epoch epoch) {
  if (!ever_came_ && looks_ == 0) {
    const std::string wanted = as_people_read(metric_.text());
    for (const Name other : others_) {
      const std::string there = as_people_read(other.text());
      // one letter wrong, or only the way to write it: nobody meant this name
      if (edit_distance(wanted, there) <= (wanted.size() > 3 ? 1u : 0u))
        throw CallbackError(fmt::format("{}: there is no metric '{}' in this run. Did you mean monitor={}?",
                                        owner_.text(), metric_.text(), other.text()));
    }
  }
  ++looks_;
  looked_at_ = step;
  return {Look::Kind::look, std::exchange(came_, false), value_, step, epoch, learning_rate_};
}

void Monitor::remember(Name metric) {
  if (others_.size() < 64 && std::ranges::find(others_, metric) == others_.end()) others_.push_back(metric);
}

void Monitor::forget() {
  came_ = ever_came_ = false;
  value_ = learning_rate_ = 0;
  looks_ = looked_at_ = behind_ = 0;
  others_.clear();
}

void Monitor::never_looked() const {
  if (notes_ == nullptr) return;
  notes_->add(at_.batches > 0 ? fmt::format("Fewer than {} steps ran", at_.batches) : std::string("No whole epoch ran"),
              fmt::format("{} never saw {}", owner_.text(), metric_.text()));
}

void Monitor::came_behind() const {
  if (notes_ != nullptr)
    notes_->add(fmt::format("{} came behind the EpochEnd of its epoch, and so was looked at an epoch late, or never "
                            "(publish it before EpochEnd)",
                            metric_.text()),
                std::string(owner_.text()));
}

void Monitor::never_came() const {
  std::vector<std::string> names = others();
  std::ranges::sort(names);
  throw CallbackError(fmt::format(
      "{}: the metric '{}' that it monitors never came in this run. {}", owner_.text(), metric_.text(),
      names.empty() ? std::string("Publish it as Metric{...} before the end of each epoch.")
                    : fmt::format("Monitor one of those that did (monitor=...): {}.", fmt::join(names, ", "))));
}

std::vector<std::string> Monitor::others() const {
  std::vector<std::string> names;
  for (const Name name : others_) names.emplace_back(name.text());
  return names;
}

void Monitor::set_others(const std::vector<std::string>& names) {
  others_.clear();
  for (const std::string& name : names) others_.push_back(intern(name));
}

namespace detail {

void check_monitor(std::string_view owner, std::string_view metric, When at) {
  if (metric.empty())
    throw CallbackError(fmt::format("{}: it has no metric. Say monitor=val/loss, or another.", owner));
  if (at.batches < 0)
    throw CallbackError(fmt::format("{}: at=batch:{} looks at no batch. Say a number from 1.", owner, at.batches));
}

std::string not_improved(double min_delta, std::int64_t times, std::string_view unit) {
  return fmt::format("not improved{} for {} {}{}",
                     min_delta > 0 ? fmt::format(" by min_delta {:.5g}", min_delta) : std::string(), times, unit,
                     times == 1 ? "" : "s");
}

}  // namespace detail
}  // namespace sidestep
