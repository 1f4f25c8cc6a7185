#pragma once

#include <sidestep/bus.hpp>

#include <scratch_folder.hpp>

#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace sidestep::testing_support {

/// A user's event, with a field of each kind.
struct Sighting {
  static constexpr EventId id = first_user_event + 40;
  static constexpr std::string_view name = "Sighting";
  enum class Kind : std::uint8_t { bird = 3, plane = 7 };
  Step step = 0;
  double distance = 0;
  Name camera{};
  float score = 0;
  char label[8] = {};
  std::uint16_t count = 0;
  Kind kind = Kind::bird;
  bool sure = false;
  void fields(auto&& f) const {
    f("step", step), f("distance", distance), f("camera", camera), f("score", score), f("label", label),
        f("count", count);
    f("kind", kind), f("sure", sure), f("twice", 2 * distance);
  }
};

/// One that names no fields.
struct Blob {
  static constexpr EventId id = first_user_event + 41;
  static constexpr std::string_view name = "Blob";
  std::array<std::uint8_t, 13> bytes{};
};

/// What a log holds of an event, apart from it.
struct Seen {
  std::string ring, type;
  Sequence sequence;
  Nanoseconds stamp;
  std::string body;
  std::map<std::string, FieldValue> fields;

  friend bool operator==(const Seen&, const Seen&) = default;
};

inline Seen seen(const LogCatalog& catalog, const LoggedEvent& event) {
  Seen one{.ring = catalog.ring_name(event.ring),
           .type = catalog.type_name(event.type),
           .sequence = event.sequence,
           .stamp = event.stamp,
           .body = std::string(reinterpret_cast<const char*>(event.body), event.size),
           .fields = {}};
  if (const LoggedType* const type = catalog.type(event.type))
    for (const FieldLayout& field : type->fields)
      if (auto value = catalog.value(event, field)) one.fields.emplace(field.name, std::move(*value));
  return one;
}

inline std::vector<Seen> all_of(LogReader& log) {
  std::vector<Seen> all;
  log.for_each([&](const LoggedEvent& event) { all.push_back(seen(log.catalog(), event)); });
  return all;
}

inline std::vector<Seen> all_of(const std::filesystem::path& path) {
  LogReader log(path);
  return all_of(log);
}

template <class E>
E as(const Seen& one) {
  E event;
  std::memcpy(&event, one.body.data(), sizeof event);
  return event;
}

/// A small log of several blocks: `steps` BatchEnds and Metrics in each of three, and then it was closed.
inline std::filesystem::path small_log(const test::ScratchFolder& folder, int steps = 3, RecordOptions options = {}) {
  const std::filesystem::path path = folder / "small.log";
  Bus bus;
  Recording recording = bus.record(path, options);
  Producer producer = bus.producer("trainer", Stream::trainer);
  Step step = 0;
  for (int block = 0; block < 3; ++block) {
    const Name name = intern("metric of block " + std::to_string(block));
    for (int i = 0; i < steps; ++i) {
      ++step;
      producer.publish_at(1000 * step, BatchEnd{.step = step, .loss = 1.0 / static_cast<double>(step)});
      producer.publish_at(1000 * step + 1, Metric{.step = step, .value = static_cast<double>(step), .metric = name});
    }
    bus.flush();
  }
  bus.close();
  return path;
}

}  // namespace sidestep::testing_support
