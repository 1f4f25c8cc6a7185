#include <sidestep/bus/payload_pool.hpp>

#include <sidestep/bus/clock.hpp>
#include <sidestep/bus/pause.hpp>
#include <sidestep/bus/payload_blocks.hpp>
#include <sidestep/bus/producer.hpp>
#include <sidestep/bus/wait_clock.hpp>

#include <atomic>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <random>
#include <shared_mutex>
#include <string>
#include <thread>
#include <unordered_map>

namespace sidestep {
namespace {

constexpr Nanoseconds longest_slice_for_payload = 100'000;

/// The pools that there are, by the number that references name. The lock is shared by all but who makes a pool, or
/// ends one.
struct Pools {
  std::shared_mutex mutex;
  std::unordered_map<std::uint32_t, detail::PayloadCore*> by_number;
};

Pools& pools() {
  static Pools* const pools = new Pools;  // never destroyed: payloads may outlive static objects
  return *pools;
}

}  // namespace

namespace detail {

/// The inside of a pool. It lives until the pool and all of its payloads are gone.
class PayloadCore {
 public:
  PayloadCore(std::uint32_t count, std::size_t largest)
      : blocks(count),
        largest(largest),
        stride_((largest + cache_line - 1) / cache_line * cache_line),
        sizes_(count),
        memory_(static_cast<std::byte*>(::operator new(stride_* count, std::align_val_t(cache_line)))) {
    Pools& known = pools();
    const std::unique_lock lock(known.mutex);
    static std::mt19937 random{std::random_device{}()};  // so that another process' references don't fit here
    do number_ = static_cast<std::uint32_t>(random());
    while (number_ == 0 || !known.by_number.emplace(number_, this).second);
  }
  PayloadCore(const PayloadCore&) = delete;
  ~PayloadCore() { ::operator delete(memory_, std::align_val_t(cache_line)); }

  Payload take(std::size_t size) noexcept {
    const std::uint32_t block = blocks.take();
    if (block == decltype(blocks)::none) return {};
    users_.join();
    taken.fetch_add(1, std::memory_order_relaxed);
    sizes_[block] = static_cast<std::uint32_t>(size);
    return PayloadAccess::make(this, at(block), block, sizes_[block]);
  }
  Payload held(std::uint32_t block) noexcept { return PayloadAccess::make(this, at(block), block, sizes_[block]); }
  void drop(std::uint32_t block, std::uint32_t references) noexcept {
    if (!blocks.drop(block, references)) return;
    blocks.give_back(block);
    leave();
  }
  /// The pool, or one of its payloads, is gone.
  void leave() noexcept {
    if (!users_.leave()) return;
    {
      Pools& known = pools();
      const std::unique_lock lock(known.mutex);
      known.by_number.erase(number_);
    }
    delete this;
  }
  std::uint32_t number() const noexcept { return number_; }
  std::uint32_t held_now() const noexcept { return users_.count() - 1; }

  BasicPayloadBlocks<> blocks;
  const std::size_t largest;
  // relaxed, all: numbers to be shown
  std::atomic<std::uint64_t> taken{0}, refused{0}, waits{0}, waited_ns{0};

 private:
  const std::byte* at(std::uint32_t block) const noexcept { return memory_ + block * stride_; }

  const std::size_t stride_;
  std::vector<std::uint32_t> sizes_;  // each written by who took the block
  std::byte* const memory_;
  std::uint32_t number_ = 0;
  BasicUsers<> users_{1};  // the pool, and each block that is held
};

namespace {

/// The pool of a reference, if it can be one of its; under the lock.
PayloadCore* find_pool(std::uint32_t number, std::uint32_t block) noexcept {
  const auto found = pools().by_number.find(number);
  return found != pools().by_number.end() && block < found->second->blocks.count() ? found->second : nullptr;
}

}  // namespace

void PayloadAccess::take(PayloadRef& ref, std::uint32_t times) noexcept {
  if (ref.pool_ == 0) return;
  const std::shared_lock lock(pools().mutex);  // so long no pool ends
  PayloadCore* const core = find_pool(ref.pool_, ref.block_);
  if (core == nullptr || !core->blocks.hold(ref.block_, ref.generation_, times)) empty(ref);
}

void PayloadAccess::drop(const PayloadRef& ref, std::uint32_t times) noexcept {
  if (ref.pool_ == 0) return;
  PayloadCore* core = nullptr;
  {
    const std::shared_lock lock(pools().mutex);
    core = find_pool(ref.pool_, ref.block_);
    // One that was never taken, such as a foreign event's: nothing is given back for it.
    if (core == nullptr || core->blocks.generation(ref.block_) != ref.generation_) return;
  }
  core->drop(ref.block_, times);  // it lives as long as what is given back here isn't
}

}  // namespace detail

Payload::Payload(const Payload& other) noexcept
    : core_(other.core_), at_(other.at_), block_(other.block_), size_(other.size_) {
  if (core_ != nullptr) core_->blocks.add(block_, 1);
}

void Payload::let_go() noexcept { core_->drop(block_, 1); }

PayloadRef::PayloadRef(const Payload& payload) noexcept {
  if (!payload) return;
  pool_ = payload.core_->number();
  block_ = payload.block_;
  generation_ = payload.core_->blocks.generation(block_);
  size_ = payload.size_;
}

Payload PayloadRef::hold() const noexcept {
  if (pool_ == 0) return {};
  const std::shared_lock lock(pools().mutex);
  detail::PayloadCore* const core = detail::find_pool(pool_, block_);
  if (core == nullptr || !core->blocks.hold(block_, generation_, 1)) return {};
  return core->held(block_);
}

namespace {

detail::PayloadCore* make_core(const PayloadPoolOptions& options) {
  if (options.largest == 0 || options.largest > options.bytes)
    throw PayloadError("a pool of " + std::to_string(options.bytes) + " bytes for payloads of " +
                       std::to_string(options.largest) + ": it holds at least one, of at least a byte.");
  const std::size_t count = options.bytes / options.largest;
  if (options.largest >= std::numeric_limits<std::uint32_t>::max() ||
      count >= std::numeric_limits<std::uint32_t>::max())
    throw PayloadError("a payload, and the number of them, is less than 2^32.");
  try {
    return new detail::PayloadCore(static_cast<std::uint32_t>(count), options.largest);
  } catch (const std::bad_alloc&) {
    throw PayloadError("a pool of " + std::to_string(options.bytes) + " bytes doesn't fit into memory.");
  }
}

}  // namespace

PayloadPool::PayloadPool(PayloadPoolOptions options)
    : core_(make_core(options)), while_waiting_(std::move(options.while_waiting)), deadline_(options.deadline) {}

PayloadPool::~PayloadPool() { core_->leave(); }

void PayloadPool::check(std::size_t size) const {
  if (size > core_->largest)
    throw PayloadError("a payload of " + std::to_string(size) + " bytes from a pool whose largest have " +
                       std::to_string(core_->largest) + ".");
}

std::optional<PayloadDraft> PayloadPool::try_take(std::size_t size) {
  check(size);
  if (Payload payload = core_->take(size)) return PayloadDraft(std::move(payload));
  core_->refused.fetch_add(1, std::memory_order_relaxed);
  return std::nullopt;
}

PayloadDraft PayloadPool::take(std::size_t size) {
  check(size);
  if (Payload payload = core_->take(size)) return PayloadDraft(std::move(payload));
  const auto give_up = [&](const std::string& why) {
    core_->refused.fetch_add(1, std::memory_order_relaxed);
    throw PayloadError("all " + std::to_string(core_->blocks.count()) + " payloads of a pool are held" + why);
  };
  if (BusThread::current()) give_up(", and a handler can't wait for them: others wait for it. Use try_take there.");
  core_->waits.fetch_add(1, std::memory_order_relaxed);
  const Nanoseconds begin = Clock::steady();
  WaitClock slices;
  Nanoseconds waited = 0, slice = 1'000;
  std::uint64_t seen = core_->taken.load(std::memory_order_relaxed);
  Payload payload;
  for (int spins = 0; spins < 64 && !(payload = core_->take(size)); ++spins) pause();
  while (!payload && waited < deadline_.count()) {
    if (while_waiting_) while_waiting_();
    std::this_thread::sleep_for(std::chrono::nanoseconds(slice));
    waited += slices.slice();
    slice = std::min<Nanoseconds>(slice * 2, longest_slice_for_payload);
    payload = core_->take(size);
    // some came back, and others were faster
    if (const std::uint64_t now = core_->taken.load(std::memory_order_relaxed); now != seen) seen = now, waited = 0;
  }
  core_->waited_ns.fetch_add(static_cast<std::uint64_t>(Clock::steady() - begin), std::memory_order_relaxed);
  if (!payload)
    give_up(", and none has come back for " +
            std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(deadline_).count()) +
            " ms. Does a handler hang, or keep them?");
  return PayloadDraft(std::move(payload));
}

PayloadAccount PayloadPool::account() const noexcept {
  const auto get = [](const std::atomic<std::uint64_t>& number) { return number.load(std::memory_order_relaxed); };
  return {.payloads = core_->blocks.count(),
          .held = core_->held_now(),
          .taken = get(core_->taken),
          .refused = get(core_->refused),
          .waits = get(core_->waits),
          .waited_ns = get(core_->waited_ns)};
}

}  // namespace sidestep
