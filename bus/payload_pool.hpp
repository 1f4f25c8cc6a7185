#pragma once

#include <sidestep/bus/payload.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <stdexcept>

namespace sidestep {

/// A payload can't be had: too large, or there is no room and nobody will make any. `what()` says which.
struct PayloadError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct PayloadPoolOptions {
  std::size_t bytes = std::size_t{64} << 20;  ///< of all payloads: taken when the pool is made, never more
  /// Bytes of one; each takes as much. For small ones make a pool of their own.
  std::size_t largest = std::size_t{1} << 20;
  /// Take() gives up when nothing has come back for so long.
  std::chrono::milliseconds deadline = std::chrono::seconds(30);
  std::function<void()> while_waiting{};  ///< called by who waits, again and again: `bus.wake()`, or `bus.poll()` on a
                                          ///< bus without a thread
};

/// In payloads, if not said otherwise. `held` + `free` = `payloads`, exactly if nobody is at work.
struct PayloadAccount {
  std::uint32_t payloads = 0, held = 0;
  std::uint64_t taken = 0;                 ///< ever
  std::uint64_t refused = 0;               ///< try_take() found no room, or take() gave up
  std::uint64_t waits = 0, waited_ns = 0;  ///< of take()
};

/// A payload that is being written. One that is dropped was never there.
class PayloadDraft {
 public:
  PayloadDraft(PayloadDraft&& other) noexcept = default;
  PayloadDraft& operator=(PayloadDraft&& other) noexcept = default;

  std::size_t size() const noexcept { return payload_.size(); }
  std::span<std::byte> bytes() noexcept { return as<std::byte>(); }
  /// Aligned to a cache line; what is in there before it is written is anything.
  template <class T>
  requires(std::is_trivially_copyable_v<T> && alignof(T) <= cache_line) std::span<T> as()
  noexcept { return {const_cast<T*>(payload_.as<T>().data()), size() / sizeof(T)}; }
  /// It is written: nobody changes it any more.
  Payload freeze() && noexcept { return std::move(payload_); }

 private:
  friend class PayloadPool;
  explicit PayloadDraft(Payload payload) noexcept : payload_(std::move(payload)) {}
  Payload payload_;
};

/// Memory for payloads: as much as was said, taken once. Who takes one while all are held waits, as who publishes to a
/// full ring does.
///
///   sidestep::PayloadPool pool({.bytes = 64 << 20, .largest = 28 * 28 * 64, .while_waiting = [&] { bus.wake(); }});
///   auto draft = pool.take(pixels.size_bytes());
///   std::ranges::copy(std::as_bytes(pixels), draft.bytes().begin());
///   const sidestep::Payload payload = std::move(draft).freeze();
///   producer.publish(Image{.step = 7, .width = 28, .height = 28, .payload = payload});
///
/// Any thread may take, and let go. Payloads may outlive their pool, which gives its memory back with the last of them.
class PayloadPool {
 public:
  /// Throws PayloadError: sizes that make no sense, or no memory.
  explicit PayloadPool(PayloadPoolOptions options = {});
  ~PayloadPool();
  PayloadPool(const PayloadPool&) = delete;
  PayloadPool& operator=(const PayloadPool&) = delete;

  /// Room for so many bytes. Waits while all are held; the wait is counted. Throws PayloadError if nothing comes back
  /// for the deadline, and at once on a thread of a bus (in a handler): others may wait there for what it would wait
  /// for.
  PayloadDraft take(std::size_t size);
  /// Never waits. Nothing: there is no room.
  std::optional<PayloadDraft> try_take(std::size_t size);

  /// A payload with these values; waits as take() does.
  template <class T>
  requires std::is_trivially_copyable_v<T> Payload copy(std::span<const T> values) {
    PayloadDraft draft = take(values.size_bytes());
    std::ranges::copy(std::as_bytes(values), draft.bytes().begin());
    return std::move(draft).freeze();
  }

  PayloadAccount account() const noexcept;

 private:
  void check(std::size_t size) const;

  detail::PayloadCore* const core_;
  const std::function<void()> while_waiting_;
  const std::chrono::nanoseconds deadline_;
};

}  // namespace sidestep
