#include <sidestep/bus/event.hpp>

#include <array>
#include <mutex>

namespace sidestep {
namespace {

struct Registry {
  std::mutex mutex;
  std::array<const EventInfo*, event_ids> types{};
};

Registry& registry() {
  static Registry* const registry = new Registry;  // never destroyed: types outlive every static object
  return *registry;
}

}  // namespace

const EventInfo& register_event(const EventInfo& info) {
  if (info.id == 0 || info.id >= event_ids)
    throw EventTypeError("event type '" + std::string(info.name) + "' has id " + std::to_string(info.id) +
                         ": ids lie between 1 and " + std::to_string(event_ids - 1) + "; choose first_user_event + n.");
  Registry& known = registry();
  const std::lock_guard lock(known.mutex);
  const EventInfo*& entry = known.types[info.id];
  if (entry == nullptr) entry = new EventInfo(info);
  else if (entry->name != info.name || entry->size != info.size)
    throw EventTypeError("event types '" + std::string(entry->name) + "' and '" + std::string(info.name) +
                         "' both have id " + std::to_string(info.id) + ": give one of them another id.");
  return *entry;
}

const EventInfo* note_event(const EventInfo& info) noexcept {
  try {
    return &register_event(info);
  } catch (...) {  // the clash is told to whoever listens to the second type
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
