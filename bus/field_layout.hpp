#pragma once

#include <sidestep/bus/name.hpp>
#include <sidestep/bus/payload.hpp>

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace sidestep {

/// What the bytes of a field mean. The numbers are written to logs.
enum class FieldKind : std::uint8_t {
  integer = 1,  ///< signed, of 1, 2, 4 or 8 bytes; enumerations too
  whole = 2,    ///< the same without a sign
  real = 3,     ///< float or double
  boolean = 4,  ///< one byte
  name = 5,     ///< a Name: the number of an interned text
  text = 6,     ///< an array of char, ending at its first zero
};

/// A field as it lies in its event: enough for a program that never knew the type to print it.
struct FieldLayout {
  std::string name;
  FieldKind kind;
  std::uint8_t offset;
  std::uint8_t size;

  friend bool operator==(const FieldLayout&, const FieldLayout&) = default;
};

/// Of the same event as two know it: which fields lie elsewhere, are of another kind, or are there but once. Empty:
/// none. One who names no fields at all differs in none.
std::string layout_differences(const std::vector<FieldLayout>& here, const std::vector<FieldLayout>& there,
                               std::string_view there_is);

namespace detail {

template <class T>
constexpr FieldKind field_kind() {  // 0: nothing that could be read back from its bytes, such as a pointer
  if constexpr (std::same_as<T, bool>)
    return FieldKind::boolean;
  else if constexpr (std::is_enum_v<T>)
    return field_kind<std::underlying_type_t<T>>();
  else if constexpr (std::integral<T>)
    return std::is_signed_v<T> ? FieldKind::integer : FieldKind::whole;
  else if constexpr (std::same_as<T, float> || std::same_as<T, double>)
    return FieldKind::real;
  else if constexpr (std::same_as<T, Name>)
    return FieldKind::name;
  else if constexpr (std::is_bounded_array_v<T> && std::same_as<std::remove_extent_t<T>, char>)
    return FieldKind::text;
  else
    return FieldKind{0};
}

template <class E>
concept NamesFields = requires(const E& event) {
  event.fields([](std::string_view, const auto&) {});
};
template <class E>
concept DescribesFields = requires(const E& event) {
  sidestep_event_fields(std::type_identity<E>{}, event, [](std::string_view, const auto&) {});
};
template <class E>
concept HasFields = NamesFields<E> || DescribesFields<E>;

/// Calls field(name, value) for each field that the event names, or that is named beside it (described.hpp).
template <HasFields E>
void for_each_field(const E& event, auto&& field) {
  if constexpr (NamesFields<E>)
    event.fields(field);
  else
    sidestep_event_fields(std::type_identity<E>{}, event, field);
}

/// Where the fields that an event names lie in it. One that isn't a member, because it is computed, is left out.
template <class E>
std::vector<FieldLayout> fields_of(const E& event) {
  std::vector<FieldLayout> found;
  for_each_field(event, [&](std::string_view name, const auto& value) {
    using T = std::remove_cvref_t<decltype(value)>;
    constexpr FieldKind kind = field_kind<T>();
    const auto from = reinterpret_cast<std::uintptr_t>(&event), at = reinterpret_cast<std::uintptr_t>(&value);
    if constexpr (std::same_as<T, PayloadRef>) {  // its size: what it refers to is in no log
      constexpr std::size_t size_at = PayloadAccess::size_at;
      if (at >= from && at + sizeof(T) <= from + sizeof(E))
        found.push_back({std::string(name), FieldKind::whole, static_cast<std::uint8_t>(at - from + size_at),
                         sizeof(std::uint32_t)});
    } else if constexpr (kind != FieldKind{0}) {
      if (at >= from && at + sizeof(T) <= from + sizeof(E))
        found.push_back(
            {std::string(name), kind, static_cast<std::uint8_t>(at - from), static_cast<std::uint8_t>(sizeof(T))});
    }
  });
  return found;
}

/// Of the event whose bytes these are; without any, of one that is all zeros.
template <class E>
std::vector<FieldLayout> layout_fields(const void* body) {
  if (body != nullptr) return fields_of(*static_cast<const E*>(body));
  return fields_of(std::bit_cast<E>(std::array<std::byte, sizeof(E)>{}));
}

/// Where its payload lies.
template <CarriesPayload E>
int payload_at() {
  const E event = std::bit_cast<E>(std::array<std::byte, sizeof(E)>{});
  return static_cast<int>(reinterpret_cast<std::uintptr_t>(&event.payload) - reinterpret_cast<std::uintptr_t>(&event));
}

}  // namespace detail
}  // namespace sidestep
