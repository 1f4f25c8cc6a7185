#pragma once

#include <sidestep/bus/event.hpp>
#include <sidestep/bus/log_block.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>

namespace sidestep {

/// An event as it lies in a log.
struct LoggedEvent {
  EventId type;
  std::uint16_t size;
  std::uint32_t ring;
  Sequence sequence;  ///< in its ring
  Nanoseconds stamp;
  /// Valid until the next block is read; Slot::body_size bytes can be read, `size` of them mean something.
  const std::byte* body;
};

/// Of an event type as a log describes it and as this program has it: which fields differ; empty: none that can be
/// compared. Not compared are types that may refer to something else (docs/bus.md), and those that name no fields.
std::string differences(const LoggedType& there, const EventInfo& here);

/// The value of a field, as a log holds it.
using FieldValue = std::variant<std::int64_t, std::uint64_t, double, bool, std::string>;

/// What a log says of itself: its types, names and rings, as far as they have been met.
class LogCatalog {
 public:
  /// The types that it describes, by id.
  const std::map<EventId, LoggedType>& types() const noexcept { return types_; }
  const std::map<std::uint32_t, LoggedRing>& rings() const noexcept { return rings_; }
  const std::map<std::uint32_t, std::string>& names() const noexcept { return names_; }

  const LoggedType* type(EventId id) const noexcept { return id < types_by_id_.size() ? types_by_id_[id] : nullptr; }
  /// "?" if it was lost with a damaged block.
  std::string name(std::uint32_t id) const;
  std::string type_name(EventId id) const;
  std::string ring_name(std::uint32_t id) const;
  /// The step that an event has.
  std::optional<Step> step(const LoggedEvent& event) const noexcept {
    const int at = event.type < step_at_.size() ? step_at_[event.type] : -1;
    if (at < 0 || static_cast<std::size_t>(at) + sizeof(Step) > event.size) return std::nullopt;
    Step step;
    std::memcpy(&step, event.body + at, sizeof step);
    return step;
  }
  /// The event as this program's own type; nothing if it is of another one. Throws LogError (mismatch), naming the
  /// fields, if whoever wrote it had another type with this id, or the same with another layout. Its names are numbers
  /// of the log: name().
  template <Event E>
  std::optional<E> as(const LoggedEvent& event) const {
    if (event.type != event_id<E>) return std::nullopt;
    check(event_info<E>(), event.size);
    return read<E>(event);
  }
  /// A field of an event; nothing if the event is too short for it.
  std::optional<FieldValue> value(const LoggedEvent& event, const FieldLayout& field) const;

  /// Takes a definition's bytes. False: they make no sense.
  bool take(std::uint8_t what, std::span<const std::byte> bytes);

 private:
  bool take_type(std::span<const std::byte> bytes);
  void check(const EventInfo& here, std::size_t size) const;
  template <Event E>
  static E read(const LoggedEvent& event) noexcept {
    std::array<std::byte, sizeof(E)> bytes;
    std::memcpy(bytes.data(), event.body, sizeof(E));
    E value = std::bit_cast<E>(bytes);
    // it referred to another process' memory
    if constexpr (CarriesPayload<E>) detail::PayloadAccess::empty(value.payload);
    return value;
  }

  std::map<EventId, LoggedType> types_;
  std::map<std::uint32_t, LoggedRing> rings_;
  std::map<std::uint32_t, std::string> names_;
  std::vector<const LoggedType*> types_by_id_;  // into types_
  std::vector<std::int8_t> step_at_;            // by type; -1: no step
  mutable std::vector<bool> agreed_;            // by type: it is here what it is there
};

}  // namespace sidestep
