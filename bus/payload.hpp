#pragma once

#include <sidestep/bus/types.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

namespace sidestep {

class PayloadRef;
namespace detail {
class PayloadCore;
struct PayloadAccess;
}  // namespace detail

/// What doesn't fit in an event, immutable: a histogram, an image, a tensor. Counted: as long as somebody has one, its
/// bytes stay. Made by a PayloadPool, and by PayloadRef::hold.
class Payload {
 public:
  Payload() = default;  ///< none
  Payload(const Payload& other) noexcept;
  Payload(Payload&& other) noexcept
      : core_(std::exchange(other.core_, nullptr)), at_(other.at_), block_(other.block_), size_(other.size_) {}
  Payload& operator=(Payload other) noexcept {
    std::swap(core_, other.core_), std::swap(at_, other.at_), std::swap(block_, other.block_),
        std::swap(size_, other.size_);
    return *this;
  }
  ~Payload() {
    if (core_ != nullptr) let_go();
  }

  explicit operator bool() const noexcept { return core_ != nullptr; }
  std::size_t size() const noexcept { return core_ != nullptr ? size_ : 0; }
  std::span<const std::byte> bytes() const noexcept { return {at_, size()}; }
  /// Its bytes as an array of T, as whoever made it wrote them.
  template <class T>
  requires(std::is_trivially_copyable_v<T> && alignof(T) <= cache_line) std::span<const T> as()
  const noexcept { return {reinterpret_cast<const T*>(at_), size() / sizeof(T)}; }

 private:
  friend struct detail::PayloadAccess;
  friend class PayloadRef;
  Payload(detail::PayloadCore* core, const std::byte* at, std::uint32_t block, std::uint32_t size) noexcept
      : core_(core), at_(at), block_(block), size_(size) {}
  void let_go() noexcept;

  detail::PayloadCore* core_ = nullptr;
  const std::byte* at_ = nullptr;
  std::uint32_t block_ = 0, size_ = 0;
};

/// A payload as an event carries it, in 16 bytes: as a member called `payload`. The bus keeps the payload until all
/// pipelines have handled the event, and behind `observe_on` until the handler there has; who wants it for longer holds
/// it.
///
///   struct Image {
///     static constexpr sidestep::EventId id = sidestep::first_user_event + 7;
///     static constexpr std::string_view name = "Image";
///     sidestep::Step step; std::int32_t width, height;
///     sidestep::PayloadRef payload;
///     void fields(auto&& field) const { field("step", step); field("bytes", payload); }   // its size is what loggers print
///   };
///
/// By itself it keeps nothing: one that is looked at too late, or came out of a log, holds none.
class PayloadRef {
 public:
  PayloadRef() = default;
  PayloadRef(const Payload& payload) noexcept;  // an event is written with it in place
  PayloadRef(Payload&&) = delete;               // it would be gone before the event is published: give it a name

  /// The payload; none if it is gone, or of another process.
  Payload hold() const noexcept;
  /// How many bytes it has, or had.
  std::size_t size() const noexcept { return size_; }

 private:
  friend struct detail::PayloadAccess;
  std::uint32_t pool_ = 0, block_ = 0, generation_ = 0;  // pool 0: none
  std::uint32_t size_ = 0;
};

/// A value that carries a payload: whoever keeps it beyond its event keeps that too.
template <class E>
concept CarriesPayload = requires(E& e) {
  { e.payload } -> std::same_as<PayloadRef&>;
};

namespace detail {

struct PayloadAccess {
  static Payload make(PayloadCore* core, const std::byte* at, std::uint32_t block, std::uint32_t size) noexcept {
    return {core, at, block, size};
  }
  static constexpr std::size_t size_at = 3 * sizeof(std::uint32_t);  ///< where size() lies in a PayloadRef

  /// So many references for an event that is published. If it comes too late the reference is emptied.
  static void take(PayloadRef& ref, std::uint32_t times) noexcept;
  /// Gives so many of them back.
  static void drop(const PayloadRef& ref, std::uint32_t times) noexcept;
  /// Nothing but the size stays.
  static void empty(PayloadRef& ref) noexcept { ref.pool_ = ref.block_ = ref.generation_ = 0; }
};

}  // namespace detail
}  // namespace sidestep
