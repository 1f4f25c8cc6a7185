#pragma once

#include <sidestep/bus/slot.hpp>

#include <concepts>
#include <string_view>
#include <type_traits>

/// An event type that says nothing of itself: described beside it, in its own namespace, with the fields that are to be
/// printed (up to 40, or none). The struct needs no line for it, so it may be another library's.
///
///   struct Detection { long step; float score; int label; };
///   SIDESTEP_EVENT(Detection, step, score)
///
/// It stands before anything asks whether the type is an event. Fields are data members, or theirs (`at.x`,
/// `weights[1]`), never calls. Its name is `Detection`, its id follows from that (512 to 1023). Two types of one name,
/// and two that chance gives one id, are an EventTypeError when a bus is made; then one of them needs an id of its own,
/// also before anything asks for it:
///
///   SIDESTEP_EVENT_ID(Detection, sidestep::first_user_event + 1)
#define SIDESTEP_EVENT(Type, ...)                                                                          \
  [[maybe_unused]] constexpr ::std::string_view sidestep_event_name(::std::type_identity<Type>) noexcept { \
    return #Type;                                                                                          \
  }                                                                                                        \
  [[maybe_unused]] constexpr void sidestep_event_fields(                                                   \
      ::std::type_identity<Type>, [[maybe_unused]] const Type& event, [[maybe_unused]] auto&& field) {     \
    __VA_OPT__(SIDESTEP_EVENT_EXPAND(SIDESTEP_EVENT_FIELD(__VA_ARGS__)))                                   \
  }                                                                                                        \
  static_assert(::sidestep::detail::name_members(#__VA_ARGS__),                                            \
                "SIDESTEP_EVENT: a field is a data member, not a call");                                   \
  static_assert(::sidestep::detail::Described<Type>,                                                       \
                "SIDESTEP_EVENT stands in its type's namespace, and before anything asks whether that is an event");
#define SIDESTEP_EVENT_ID(Type, number)                                                                                \
  [[maybe_unused]] constexpr auto sidestep_event_id(::std::type_identity<Type>) noexcept { return number; }            \
  static_assert(::sidestep::detail::HasIdBeside<Type> && ::sidestep::event_id<Type> == (number),                       \
                "SIDESTEP_EVENT_ID takes 1 to 1023, and stands in its type's namespace, before anything asks whether " \
                "that is an event");
// A macro isn't expanded within itself, but each of these looks anew at what the last look has left: 64 times.
#define SIDESTEP_EVENT_FIELD(member, ...) \
  field(#member, event.member);           \
  __VA_OPT__(SIDESTEP_EVENT_NEXT SIDESTEP_EVENT_PARENS(__VA_ARGS__))
#define SIDESTEP_EVENT_NEXT() SIDESTEP_EVENT_FIELD
#define SIDESTEP_EVENT_PARENS ()
#define SIDESTEP_EVENT_EXPAND(...) \
  SIDESTEP_EVENT_EXPAND_16(SIDESTEP_EVENT_EXPAND_16(SIDESTEP_EVENT_EXPAND_16(SIDESTEP_EVENT_EXPAND_16(__VA_ARGS__))))
#define SIDESTEP_EVENT_EXPAND_16(...) \
  SIDESTEP_EVENT_EXPAND_4(SIDESTEP_EVENT_EXPAND_4(SIDESTEP_EVENT_EXPAND_4(SIDESTEP_EVENT_EXPAND_4(__VA_ARGS__))))
#define SIDESTEP_EVENT_EXPAND_4(...) \
  SIDESTEP_EVENT_EXPAND_1(SIDESTEP_EVENT_EXPAND_1(SIDESTEP_EVENT_EXPAND_1(SIDESTEP_EVENT_EXPAND_1(__VA_ARGS__))))
#define SIDESTEP_EVENT_EXPAND_1(...) __VA_ARGS__

namespace sidestep {

inline constexpr EventId first_user_event = 64;
inline constexpr EventId event_ids = 1024;  ///< ids are smaller than this

}  // namespace sidestep

namespace sidestep::detail {

/// A constant of the type, not a member of each of its values that is called so.
template <class E>
concept SaysItsId = requires {
  { E::id } -> std::convertible_to<EventId>;
  typename std::bool_constant<(E::id > 0)>;
};
template <class E>
concept SaysItsName = requires {
  { E::name } -> std::convertible_to<std::string_view>;
  typename std::bool_constant<std::string_view(E::name).empty()>;
};
// clang-format off
template <class E>
concept HasIdBeside = requires { sidestep_event_id(std::type_identity<E>{}); };
template <class E>
concept Described = requires { { sidestep_event_name(std::type_identity<E>{}) } -> std::same_as<std::string_view>; };
// clang-format on

/// FNV-1a of the name, in the upper half of the ids.
constexpr EventId described_id(std::string_view name) noexcept {
  std::uint32_t hash = 2166136261;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619;
  return static_cast<EventId>(512 + (hash ^ hash >> 16) % 512);
}

/// 0 for what is none.
template <class T>
constexpr EventId fitting_id(T id) noexcept {
  return id > T{0} && static_cast<unsigned long long>(id) < event_ids ? static_cast<EventId>(id) : EventId{0};
}

/// What is called, or lies behind a pointer, is not looked at in an event of zeros.
constexpr bool name_members(std::string_view fields) noexcept {
  return fields.find('(') == std::string_view::npos && fields.find("->") == std::string_view::npos;
}

template <class E>
constexpr EventId id_of() noexcept {
  if constexpr (HasIdBeside<E>)
    return fitting_id(sidestep_event_id(std::type_identity<E>{}));
  else if constexpr (SaysItsId<E>)
    return fitting_id(E::id);
  else if constexpr (Described<E>)
    return described_id(sidestep_event_name(std::type_identity<E>{}));
  else
    return 0;
}
template <class E>
constexpr std::string_view name_of() noexcept {
  if constexpr (SaysItsName<E>)
    return E::name;
  else if constexpr (Described<E>)
    return sidestep_event_name(std::type_identity<E>{});
  else
    return {};
}

}  // namespace sidestep::detail

namespace sidestep {

/// What an event type is known by; 0 and "" of what is none.
template <class E>
inline constexpr EventId event_id = detail::id_of<E>();
template <class E>
inline constexpr std::string_view event_name = detail::name_of<E>();

}  // namespace sidestep
