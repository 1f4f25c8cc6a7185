#include <sidestep/bus/event.hpp>

#include <cxxabi.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <mutex>

namespace sidestep {
namespace {

struct Registry {
  std::mutex mutex;
  std::array<const EventInfo*, event_ids> types{};
  std::string clash;                   // the first that nobody was told of
  std::atomic<bool> has_clash{false};  // relaxed: `clash` is read under the lock
};

/// By type, one more than where its payload lies; 0: it has none. Relaxed: as types_with_payload.
constinit std::array<std::atomic<std::uint8_t>, event_ids> payload_behind{};

Registry& registry() {
  static Registry* const registry = new Registry;  // never destroyed: types outlive every static object
  return *registry;
}

/// What two who share an id disagree about; empty: nothing that can be seen. A type that may refer to something else
/// shows its fields of a living event alone, so of that its size and payload are compared.
std::string differences(const EventInfo& one, const EventInfo& other) {
  if (one.payload_at != other.payload_at) return "its payload lies elsewhere there";
  if (one.layout == other.layout || one.layout == nullptr || other.layout == nullptr || one.refers || other.refers)
    return {};
  return layout_differences(one.layout(nullptr), other.layout(nullptr), "there");
}

/// Two types of one name, whose id follows from it.
bool namesakes(const EventInfo& one, const EventInfo& other) {
  return (one.id_from_name || other.id_from_name) && one.type != other.type && !one.type.empty() && !other.type.empty();
}

/// With its namespaces, where that can be said.
std::string cpp_name(const EventInfo& info) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(
      abi::__cxa_demangle(std::string(info.type).c_str(), nullptr, nullptr, &status), std::free);
  return text != nullptr && status == 0 ? text.get() : std::string(info.name);
}
// npos + 1 is 0
std::string last_of(const std::string& type) { return type.substr(type.rfind(':', type.find('<')) + 1); }

std::string layout_text(const FieldLayout& field) {
  constexpr std::array<std::string_view, 7> kinds{"?",    "integer", "unsigned integer", "real", "boolean",
                                                  "name", "text"};
  const auto kind = static_cast<std::size_t>(field.kind);
  return std::string(kinds[kind < kinds.size() ? kind : 0]) + " of " + std::to_string(field.size) + " bytes at " +
         std::to_string(field.offset);
}

}  // namespace

std::string layout_differences(const std::vector<FieldLayout>& here, const std::vector<FieldLayout>& there,
                               std::string_view there_is) {
  if (here.empty() || there.empty()) return {};
  std::string all;
  const auto add = [&](std::string_view name, const std::string& what) {
    (all += all.empty() ? "'" : "; '").append(name).append("' ") += what;
  };
  const auto find = [](const std::vector<FieldLayout>& fields, const std::string& name) {
    return std::find_if(fields.begin(), fields.end(), [&](const FieldLayout& field) { return field.name == name; });
  };
  for (const FieldLayout& field : here) {
    const auto other = find(there, field.name);
    if (other == there.end())
      add(field.name, "isn't " + std::string(there_is));
    else if (*other != field)
      add(field.name, "is " + layout_text(field) + " here, " + layout_text(*other) + " " + std::string(there_is));
  }
  for (const FieldLayout& field : there)
    if (find(here, field.name) == here.end()) add(field.name, "is " + std::string(there_is) + " alone");
  return all;
}

void check_event_types() {
  Registry& known = registry();
  if (!known.has_clash.load(std::memory_order_relaxed)) return;
  const std::lock_guard lock(known.mutex);
  throw EventTypeError(known.clash);
}

const EventInfo& register_event(const EventInfo& info) {
  if (info.id == 0 || info.id >= event_ids)
    throw EventTypeError("event type '" + std::string(info.name) + "' has id " + std::to_string(info.id) +
                         ": ids lie between 1 and " + std::to_string(event_ids - 1) + "; choose first_user_event + n.");
  Registry& known = registry();
  const std::lock_guard lock(known.mutex);
  const EventInfo*& entry = known.types[info.id];
  if (entry == nullptr) {
    entry = new EventInfo(info);
    if (info.payload_at >= 0) {
      payload_behind[info.id].store(static_cast<std::uint8_t>(info.payload_at + 1), std::memory_order_relaxed);
      detail::types_with_payload.fetch_or(std::uint64_t{1} << (info.id % 64), std::memory_order_relaxed);
    }
    return *entry;
  }
  if (entry->name != info.name || entry->size != info.size || namesakes(*entry, info)) {
    const auto called = [&](const EventInfo& one) {
      return "'" + (entry->name == info.name ? cpp_name(one) : std::string(one.name)) + "' (" +
             std::to_string(one.size) + " bytes)";
    };
    throw EventTypeError("event types " + called(*entry) + " and " + called(info) + " both have id " +
                         std::to_string(info.id) + ": give one of them another, by SIDESTEP_EVENT_ID(" +
                         last_of(cpp_name(info)) +
                         ", sidestep::first_user_event + n) beside it, or static constexpr EventId id in it.");
  }
  if (const std::string what = differences(info, *entry); !what.empty())
    throw EventTypeError("event type '" + std::string(info.name) + "' (id " + std::to_string(info.id) +
                         ") is another one elsewhere in this program: " + what +
                         ". Build all of it from one declaration.");
  return *entry;
}

constinit std::atomic<std::uint64_t> detail::types_with_payload{0};

void detail::drop_payload(const Slot& slot, std::uint32_t references) noexcept {
  const std::size_t behind = slot.type < event_ids ? payload_behind[slot.type].load(std::memory_order_relaxed) : 0;
  if (behind == 0 || behind - 1 + sizeof(PayloadRef) > slot.size) return;
  PayloadRef ref;
  std::memcpy(&ref, slot.body + behind - 1, sizeof ref);
  PayloadAccess::drop(ref, references);
}

const EventInfo* note_event(const EventInfo& info) noexcept {
  try {
    return &register_event(info);
  } catch (const EventTypeError& error) {  // told to whoever uses a bus next
    Registry& known = registry();
    const std::lock_guard lock(known.mutex);
    if (!known.has_clash.load(std::memory_order_relaxed)) known.clash = error.what();
    known.has_clash.store(true, std::memory_order_relaxed);
    return nullptr;
  }
}

std::vector<const EventInfo*> known_events() {
  Registry& known = registry();
  const std::lock_guard lock(known.mutex);
  std::vector<const EventInfo*> all;
  for (const EventInfo* info : known.types)
    if (info != nullptr) all.push_back(info);
  return all;
}

const EventInfo* find_event(EventId id) {
  Registry& known = registry();
  const std::lock_guard lock(known.mutex);
  return id < event_ids ? known.types[id] : nullptr;
}

}  // namespace sidestep
