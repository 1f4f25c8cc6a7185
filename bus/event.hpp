#pragma once

#include <sidestep/bus/described.hpp>
#include <sidestep/bus/field_layout.hpp>
#include <sidestep/bus/name.hpp>
#include <sidestep/bus/payload.hpp>
#include <sidestep/bus/slot.hpp>

#include <atomic>
#include <concepts>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>

namespace sidestep {

/// An event is a trivially copyable struct of at most 40 bytes with a stable id and a name. Yours, in three lines:
///
///   struct Detection {
///     static constexpr sidestep::EventId id = sidestep::first_user_event + 1;
///     static constexpr std::string_view name = "Detection";
///     sidestep::Step step; float score; int label;
///     void fields(auto&& field) const { field("step", step); field("score", score); }   // optional: loggers print these
///     static constexpr bool self_contained = true;  // optional: see SelfContained
///   };
///
/// or in none: SIDESTEP_EVENT(Detection, step, score) beside it (described.hpp).
template <class E>
concept Event = std::is_trivially_copyable_v<E> && sizeof(E) <= Slot::body_size && alignof(E) <= 8 &&
                (event_id<E> > 0) && (event_id<E> < event_ids) && (detail::SaysItsName<E> || detail::Described<E>);

/// An event that says of itself that it refers to nothing which its publisher wrote before: no pointer, no index into a
/// table of his. Only such a one may overtake his earlier stores, so only such a one is streamed where that is faster
/// (stores.hpp). Names are fine: interning one is a locked operation, which nothing overtakes. One that carries a
/// payload may say so too, meaning all that it has beside it; it is never streamed.
template <class E>
concept SelfContained = Event<E> && !CarriesPayload<E> && requires {
  requires E::self_contained;
};

/// Receives an event's fields, one call each.
class FieldVisitor {
 public:
  virtual ~FieldVisitor() = default;
  virtual void integer(std::string_view name, std::int64_t value) = 0;
  virtual void real(std::string_view name, double value) = 0;
  virtual void boolean(std::string_view name, bool value) = 0;
  virtual void text(std::string_view name, std::string_view value) = 0;
};

/// What the process knows of an event type that it has met.
struct EventInfo {
  EventId id;
  std::uint16_t size;
  std::string_view name;
  void (*visit)(const void* body, FieldVisitor& visitor);  ///< null: the type names no fields
  /// Where its fields lie; null: it names none. Without a body: as in an event that is all zeros.
  std::vector<FieldLayout> (*layout)(const void* body) = nullptr;
  bool refers = true;   ///< it may refer to something else, so that one of zeros is nothing that fields() may look at
  int payload_at = -1;  ///< where its PayloadRef lies; less than 0: it has none
  std::string_view type{};    ///< which of C++ it is (its std::type_info's name); empty: this can't be said
  bool id_from_name = false;  ///< so another type of this name isn't meant to be the same
};

/// Two event types share an id, or one has two layouts, or an id is out of range.
struct EventTypeError : std::logic_error {
  using std::logic_error::logic_error;
};

/// Enters a type into the process' registry. Throws EventTypeError if another type has its id already, or the same one
/// with other fields: a part of the program was built from another declaration.
const EventInfo& register_event(const EventInfo& info);
/// The same where nobody can be told yet: the first type with an id keeps it, and check_event_types() throws from then
/// on.
const EventInfo* note_event(const EventInfo& info) noexcept;
/// Throws EventTypeError if types that this program publishes, its libraries included, can't be told apart. A bus asks
/// when it is made, and whenever somebody joins it: a library may have been loaded since.
void check_event_types();
/// The type with this id, or null.
const EventInfo* find_event(EventId id);
/// All that the process has met, by id.
std::vector<const EventInfo*> known_events();

namespace detail {

/// A bit for each type that carries a payload: its id modulo 64. Relaxed: a type is registered before one of it is
/// published.
extern std::atomic<std::uint64_t> types_with_payload;
/// Of an event that lies in a ring: gives back so many of the references that were taken for it when it was published.
void drop_payload(const Slot& slot, std::uint32_t references) noexcept;

template <class E>
void visit_fields(const void* body, FieldVisitor& visitor) {
  for_each_field(*static_cast<const E*>(body), [&](std::string_view name, const auto& value) {
    using T = std::remove_cvref_t<decltype(value)>;
    if constexpr (std::same_as<T, bool>)
      visitor.boolean(name, value);
    else if constexpr (std::integral<T> || std::is_enum_v<T>)
      visitor.integer(name, static_cast<std::int64_t>(value));
    else if constexpr (std::floating_point<T>)
      visitor.real(name, static_cast<double>(value));
    else if constexpr (std::same_as<T, Name>)
      visitor.text(name, value.text());
    else if constexpr (std::same_as<T, PayloadRef>)
      visitor.integer(name, static_cast<std::int64_t>(value.size()));
    else
      visitor.text(name, std::string_view(value));
  });
}

template <Event E>
EventInfo make_info() {
  // Those of this library hold plain values; a user's says so of itself.
  EventInfo info{.id = event_id<E>,
                 .size = sizeof(E),
                 .name = event_name<E>,
                 .visit = nullptr,
                 .refers = event_id<E> >= first_user_event};
  if constexpr (requires { requires E::self_contained; }) info.refers = false;
  // they are members, whatever these refer to
  if constexpr (DescribesFields<E> && !NamesFields<E>) info.refers = false;
  if constexpr (HasFields<E>) info.visit = &visit_fields<E>, info.layout = &layout_fields<E>;
  if constexpr (CarriesPayload<E>) info.payload_at = payload_at<E>();
  info.id_from_name = !HasIdBeside<E> && !SaysItsId<E>;
#ifdef __cpp_rtti
  info.type = typeid(E).name();
#endif
  return info;
}

/// A type that is published anywhere in a program is known from the program's start, so that a log can describe it.
template <Event E>
inline const EventInfo* const published = note_event(make_info<E>());

}  // namespace detail

template <Event E>
const EventInfo& event_info() {
  static const EventInfo& info = register_event(detail::make_info<E>());
  return info;
}

/// One event of a source that listens to several types: `bus.on<Metric, EpochEnd>()`.
template <Event... E>
class OneOf {
 public:
  explicit OneOf(const Slot& slot) noexcept : slot_(&slot) {}

  /// The event if it is an X, else null. Valid until the handler returns.
  template <class X>
  requires(std::same_as<X, E> || ...) const X* get_if() const noexcept {
    return slot_->type == event_id<X> ? &slot_->as<X>() : nullptr;
  }

  /// Calls f with the event as its own type.
  template <class F>
  void visit(F&& f) const {
    (void)((slot_->type == event_id<E> && (f(slot_->template as<E>()), true)) || ...);
  }
  const Slot& slot() const noexcept { return *slot_; }

 private:
  const Slot* slot_;
};

}  // namespace sidestep
