#include <sidestep/trainer/control/decision.hpp>

#include <fmt/format.h>

#include <map>
#include <mutex>

namespace sidestep {
namespace {

struct Registry {
  std::mutex mutex;
  std::map<std::uint32_t, DecisionInfo> types;  // by the name's number; nodes stay where they are
};
Registry& decision_registry() {
  static Registry* const all = new Registry;  // never destroyed: a handler that hangs may wake behind main()
  return *all;
}

}  // namespace

const DecisionInfo& register_decision(DecisionInfo info) {
  info.kind = intern(info.name);
  info.name = info.kind.text();
  Registry& all = decision_registry();
  const std::lock_guard lock(all.mutex);
  const auto [at, fresh] = all.types.emplace(info.kind.id, info);
  if (!fresh && (at->second.size != info.size || at->second.at_fit_end != info.at_fit_end))
    throw DecisionError(fmt::format("two types of decisions are named '{}': rename one.", info.name));
  return at->second;
}

const DecisionInfo* find_decision(Name kind) {
  Registry& all = decision_registry();
  const std::lock_guard lock(all.mutex);
  const auto at = all.types.find(kind.id);
  return at == all.types.end() ? nullptr : &at->second;
}

Decision::Decision(Name kind, std::span<const std::byte> bytes)
    : kind_(kind), size_(static_cast<std::uint16_t>(bytes.size())) {
  if (bytes.size() > capacity)
    throw DecisionError(fmt::format("the argument of decision '{}' has {} bytes; at most {} fit.", kind.text(),
                                    bytes.size(), capacity));
  std::memcpy(bytes_.data(), bytes.data(), bytes.size());
}

double Decision::value() const {
  const DecisionInfo* const info = find_decision(kind_);
  return info != nullptr && info->size == size_ && info->value != nullptr ? info->value(bytes_.data()) : 0;
}

std::string_view Decision::reason() const {
  const DecisionInfo* const info = find_decision(kind_);
  return info != nullptr && info->size == size_ && info->reason != nullptr ? info->reason(bytes_.data())
                                                                           : std::string_view();
}

Decisions& Decisions::ask(const Decision& decision) {
  if (size_ == most) throw DecisionError(fmt::format("more than {} decisions at one event.", most));
  list_[size_++] = decision;
  return *this;
}

}  // namespace sidestep
