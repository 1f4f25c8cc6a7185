#pragma once

#include <sidestep/bus/event.hpp>

#include <array>
#include <bit>
#include <cstring>
#include <tuple>

namespace sidestep {

/// What a slot's body is made of.
using Words = std::array<std::uint64_t, Slot::body_size / sizeof(std::uint64_t)>;

namespace detail {

struct Anything {
  template <class T>
  operator T() const;
};

/// How many members an aggregate has.
template <class E, class... A>
consteval std::size_t members() {
  if constexpr (requires { E{A{}..., Anything{}}; })
    return members<E, A..., Anything>();
  else
    return sizeof...(A);
}

/// Bytes of an aggregate that has these members.
template <class... F>
consteval std::size_t packed_size(std::size_t alignment) {
  std::size_t end = 0;
  ((end = (end + alignof(F) - 1) / alignof(F) * alignof(F) + sizeof(F)), ...);
  return (end + alignment - 1) / alignment * alignment;
}

template <class E, class... F>
[[gnu::always_inline]] inline Words pack(const F&... field) noexcept {
  static_assert(((sizeof(F) <= 8 && std::has_single_bit(sizeof(F))) && ...),
                "each member of a self-contained event has 1, 2, 4 or 8 bytes");
  static_assert(
      packed_size<F...>(alignof(E)) == sizeof(E),
      "members of a self-contained event lie where their types' own alignment puts them: no alignas, no bit-fields");
  Words words{};
  std::size_t at = 0;
  const auto put = [&]<class T>(const T& value) {
    using Bits = std::tuple_element_t<std::bit_width(sizeof(T)) - 1,
                                      std::tuple<std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t>>;
    at = (at + alignof(T) - 1) / alignof(T) * alignof(T);
    words[at / 8] |= std::uint64_t{std::bit_cast<Bits>(value)} << (at % 8 * 8);
    at += sizeof(T);
  };
  (put(field), ...);
  return words;
}

}  // namespace detail

/// A self-contained event as it lies in memory, put together in registers.
///
/// A copy through memory would be loaded in larger pieces than it was just stored in, and such a load waits until all
/// earlier stores of the thread have left its store buffer: 6 ns when there are many, measured.
template <SelfContained E>
[[gnu::always_inline]] inline Words words_of(const E& event) noexcept {
  constexpr std::size_t count = detail::members<E>();
  using detail::pack;
  static_assert(std::endian::native == std::endian::little && count >= 1 && count <= 10,
                "an event of one to ten members");
  if constexpr (count == 1) {
    const auto& [a] = event;
    return pack<E>(a);
  } else if constexpr (count == 2) {
    const auto& [a, b] = event;
    return pack<E>(a, b);
  } else if constexpr (count == 3) {
    const auto& [a, b, c] = event;
    return pack<E>(a, b, c);
  } else if constexpr (count == 4) {
    const auto& [a, b, c, d] = event;
    return pack<E>(a, b, c, d);
  } else if constexpr (count == 5) {
    const auto& [a, b, c, d, e] = event;
    return pack<E>(a, b, c, d, e);
  } else if constexpr (count == 6) {
    const auto& [a, b, c, d, e, f] = event;
    return pack<E>(a, b, c, d, e, f);
  } else if constexpr (count == 7) {
    const auto& [a, b, c, d, e, f, g] = event;
    return pack<E>(a, b, c, d, e, f, g);
  } else if constexpr (count == 8) {
    const auto& [a, b, c, d, e, f, g, h] = event;
    return pack<E>(a, b, c, d, e, f, g, h);
  } else if constexpr (count == 9) {
    const auto& [a, b, c, d, e, f, g, h, i] = event;
    return pack<E>(a, b, c, d, e, f, g, h, i);
  } else {
    const auto& [a, b, c, d, e, f, g, h, i, j] = event;
    return pack<E>(a, b, c, d, e, f, g, h, i, j);
  }
}

}  // namespace sidestep
