#include <sidestep/callbacks.hpp>
#include <sidestep/trainer/control/nearest.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace sidestep {
namespace {

/// One row a callback. Those that run by default are hung on a run in this order.
constexpr const CallbackEntry* callback_table[] = {
    &progress_entry,
    &csv_logger_entry,
    &jsonl_logger_entry,
    &history_entry,
    &model_checkpoint_entry,
    &early_stopping_entry,
    &reduce_lr_on_plateau_entry,
    &terminate_on_nan_entry,
    &lambda_entry,
    &learning_rate_schedule_entry,
    &memory_release_entry,
};

const CallbackEntry& entry_of(std::string_view name) {
  const auto at = std::ranges::find(callback_registry(), name, &CallbackEntry::name);
  if (at != callback_registry().end()) return *at;
  std::vector<std::string_view> names;
  for (const CallbackEntry& entry : callback_registry()) names.push_back(entry.name);
  const bool one_is_near = !nearest(name, names).empty();
  throw CallbackError(fmt::format("callback '{}' is unknown. {}{}", name, did_you_mean(name, names),
                                  one_is_near ? " `sidestep callbacks` lists all." : ""));
}

/// What to do instead of an option that the callback doesn't have.
std::string instead_of(const CallbackEntry& entry, std::string_view key, std::span<const std::string_view> names) {
  const auto elsewhere = std::ranges::find(entry.elsewhere, key, &ForeignOption::name);
  if (elsewhere != entry.elsewhere.end()) return std::string(elsewhere->mend);
  if (key == "verbose") return "The callback progress says what happens.";
  return names.empty() ? "It has none: leave it out." : did_you_mean(key, names);
}

/// The option that was meant to be one of its own in a value, as in patience=3;mode=min; empty: none.
std::string_view option_within(std::string_view value, std::span<const std::string_view> names) {
  for (const std::string_view name : names)
    for (const char before : {':', ';', ' '})
      if (value.find(fmt::format("{}{}=", before, name)) != std::string_view::npos) return name;
  return {};
}

Spec default_spec(const CallbackEntry& entry) {
  const std::string_view colon = entry.by_default->empty() ? "" : ":";
  return parse_spec(fmt::format("{}{}{}", entry.name, colon, *entry.by_default));
}

}  // namespace

std::span<const CallbackEntry> callback_registry() {
  static const std::vector<CallbackEntry> by_name = [] {
    std::vector<CallbackEntry> entries;
    for (const CallbackEntry* const entry : callback_table) entries.push_back(*entry);
    std::ranges::sort(entries, {}, &CallbackEntry::name);
    return entries;
  }();
  return by_name;
}

Callback make_callback(const Spec& spec) {
  const CallbackEntry& entry = entry_of(spec.name);
  if (entry.make == nullptr)
    throw CallbackError(
        fmt::format("callback {} takes functions, so it can't be made of text. Use it from a program.", entry.name));
  std::vector<std::string_view> names;
  for (const CallbackOption& option : entry.options) names.push_back(option.name);
  for (const auto& [key, value] : spec.options)
    if (std::ranges::find(names, key) == names.end())
      throw CallbackError(
          fmt::format("callback {} has no option '{}'. {}", entry.name, key, instead_of(entry, key, names)));
  for (const auto& [key, value] : spec.options)
    if (const std::string_view other = option_within(value, names); !other.empty())
      throw CallbackError(fmt::format("callback {}: {}={} holds another option, {}. Write ',' before it.", entry.name,
                                      key, value, other));
  return entry.make(CallbackArguments(spec));
}

std::vector<Spec> default_callbacks() {
  std::vector<Spec> specs;
  for (const CallbackEntry* const entry : callback_table)
    if (entry->by_default) specs.push_back(default_spec(*entry));
  return specs;
}

std::string describe_callbacks() {
  std::string text;
  for (const CallbackEntry& entry : callback_registry())
    text += fmt::format("{} {:<22}  {}\n", entry.by_default ? '*' : ' ', entry.name, entry.summary);
  return text + "\n* runs unless --no-default-callbacks is given. More: sidestep callbacks NAME\n";
}

std::string describe_callback(std::string_view name) {
  const CallbackEntry& entry = entry_of(name);
  std::string text = fmt::format("{}: {}.\n", entry.name, entry.summary);
  if (!entry.options.empty()) text += "\n";
  for (const CallbackOption& option : entry.options)
    text += fmt::format("  {:<20}  {}{}\n      {}\n", option.name, option.type,
                        option.standard.empty() ? std::string{} : fmt::format(", {}", option.standard), option.meaning);
  if (entry.by_default) text += fmt::format("\nBy default `sidestep train` runs\n  {}\n", default_spec(entry).text());
  if (entry.make == nullptr) text += "\nFor programs alone: docs/callbacks.md has an example.\n";
  return text;
}

}  // namespace sidestep
