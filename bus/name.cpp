#include <sidestep/bus/name.hpp>

#include <deque>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace sidestep {
namespace {

struct Table {
  std::mutex mutex;
  std::deque<std::string> texts{std::string{}};  // a deque: texts never move
  std::unordered_map<std::string_view, std::uint32_t> ids{{texts.front(), 0}};
  std::vector<NameListener*> listeners;
};

Table& table() {
  static Table* const table = new Table;  // never destroyed: names outlive every static object
  return *table;
}

}  // namespace

Name intern(std::string_view text) {
  Table& names = table();
  const std::lock_guard lock(names.mutex);
  if (const auto found = names.ids.find(text); found != names.ids.end()) return Name{found->second};
  const auto id = static_cast<std::uint32_t>(names.texts.size());
  names.ids.emplace(names.texts.emplace_back(text), id);
  for (NameListener* const listener : names.listeners) listener->named(Name{id}, names.texts.back());
  return Name{id};
}

void listen_to_names(NameListener& listener) {
  Table& names = table();
  const std::lock_guard lock(names.mutex);
  names.listeners.push_back(&listener);
  for (std::uint32_t id = 1; id < names.texts.size(); ++id) listener.named(Name{id}, names.texts[id]);
}

void unlisten_to_names(NameListener& listener) noexcept {
  Table& names = table();
  const std::lock_guard lock(names.mutex);
  std::erase(names.listeners, &listener);
}

std::string_view Name::text() const {
  Table& names = table();
  const std::lock_guard lock(names.mutex);
  return id < names.texts.size() ? std::string_view(names.texts[id]) : std::string_view("?");
}

}  // namespace sidestep
