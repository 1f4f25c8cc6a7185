#include <sidestep/bus/shared_bus.hpp>

#include <sidestep/bus/clock.hpp>
#include <sidestep/bus/event.hpp>
#include <sidestep/bus/local_socket.hpp>
#include <sidestep/bus/log_block.hpp>
#include <sidestep/bus/shared_layout.hpp>
#include <sidestep/bus/watched_ring.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <new>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

// Linux 5.1; older headers lack it
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

namespace sidestep {

namespace layout = shared_layout;

namespace {

constexpr std::size_t most_watchers = 16;
constexpr int rest_ms = 2;  // between two who come: whoever comes in crowds gets no more of this process than that

std::size_t page_multiple(std::size_t bytes) { return (bytes + 4095) / 4096 * 4096; }

[[noreturn]] void refuse_share(const std::string& what, int code) {
  throw ShareError(what + ": " + std::generic_category().message(code));
}

}  // namespace

/// The memory and what is in it. One lock; none of this is on any event's way.
class SharedBus::Memory final : public NameListener, public std::enable_shared_from_this<Memory> {
 public:
  explicit Memory(std::size_t room)
      : definitions_at_(page_multiple(sizeof(layout::Header))),
        rings_at_(definitions_at_ + layout::definitions_size),
        free_at_(page_multiple(rings_at_ + layout::most_rings * sizeof(layout::RingEntry))),
        size_(free_at_ + page_multiple(room)) {
    if (size_ > layout::most_bytes) throw ShareError("room for rings: at most 4 GB can be shared");
    rlimit limit{};
    // beyond it the system would send a signal that ends the process
    if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < size_)
      refuse_share("shared memory", EFBIG);
    descriptor_ = Descriptor(::memfd_create("sidestep bus", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!descriptor_ || ::ftruncate(descriptor_.get(), static_cast<off_t>(size_)) != 0)
      refuse_share("shared memory", errno);
    void* const at = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, descriptor_.get(), 0);
    if (at == MAP_FAILED) refuse_share("shared memory", errno);
    base_ = static_cast<std::byte*>(at);
    // Its size stays, and this mapping is the last one that may write.
    if (::fcntl(descriptor_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) != 0) {
      const int code = errno;
      ::munmap(base_, size_);
      refuse_share("shared memory that is read-only for others (Linux 5.1)", code);
    }
    ::new (base_) layout::Header{.magic = layout::magic,
                                 .version = layout::version,
                                 .process = static_cast<std::uint32_t>(::getpid()),
                                 .began = Clock().now(),
                                 .definitions_at = definitions_at_,
                                 .definitions_size = layout::definitions_size,
                                 .rings_at = rings_at_,
                                 .most_rings = layout::most_rings,
                                 .reserved = 0,
                                 .definitions = 0,
                                 .rings = 0,
                                 .definitions_lost = 0,
                                 .rings_unshared = 0,
                                 .closed = 0};
  }
  Memory(const Memory&) = delete;
  ~Memory() { ::munmap(base_, size_); }

  const Descriptor& descriptor() const noexcept { return descriptor_; }

  RingMemory take(std::size_t capacity, const LoggedRing& named, Sequence first) {
    const std::lock_guard lock(mutex_);
    const std::size_t bytes = page_multiple(capacity * sizeof(Slot));
    const auto freed =
        std::find_if(freed_.begin(), freed_.end(), [&](const Area& area) { return area.bytes == bytes; });
    if (rings_ == layout::most_rings || (freed == freed_.end() && bytes > size_ - free_at_)) {
      // relaxed: a number to be shown
      StdAtomics::store(header().rings_unshared, header().rings_unshared + 1, std::memory_order_relaxed);
      return {};
    }
    Area area{.at = free_at_, .bytes = bytes, .entry = rings_};
    if (freed != freed_.end()) {
      area.at = freed->at;
      WatchedRing<>::take_away(entry(freed->entry).traces);
      freed_.erase(freed);
    } else {
      free_at_ += bytes;
    }
    // and so the system gives the memory now, and not while events are published
    std::memset(base_ + area.at, 0, bytes);
    ::new (&entry(area.entry)) layout::RingEntry{
        .at = area.at, .capacity = capacity, .first = first, .traces = {.reach = first + capacity, .end = 0}};
    append(log_format::encode(named));
    Told<std::uint64_t>::store(header().rings, ++rings_);  // to WatchedBus::learn_rings(); the entry is whole by then
    auto* const slots = reinterpret_cast<Slot*>(base_ + area.at);
    return {
        .slots = std::shared_ptr<Slot[]>(slots, [self = shared_from_this(), area](Slot*) { self->give_back(area); }),
        .traces = &entry(area.entry).traces};
  }

  /// Describes what the process knows of and this memory doesn't yet.
  void define_types() {
    for (const EventInfo* info : known_events()) {
      LoggedType type{.id = info->id, .size = info->size, .name = std::string(info->name), .fields = {}};
      // What may refer to something else can't be looked at here: it is shown as bytes.
      if (info->layout != nullptr && !info->refers) type.fields = info->layout(nullptr);
      const std::lock_guard lock(mutex_);
      if (std::exchange(defined_[type.id], true)) continue;
      append(log_format::encode(type));
    }
  }
  void named(Name name, std::string_view text) noexcept override {
    const std::lock_guard lock(mutex_);
    try {
      append(log_format::encode_name(name.id, text));
    } catch (const std::bad_alloc&) {
      lose_definition();
    }
  }
  void close() noexcept {
    // to WatchedBus::poll(); all that was published is in the rings by then
    Told<std::uint64_t>::store(header().closed, 1);
  }

 private:
  struct Area {
    std::size_t at, bytes, entry;
  };

  layout::Header& header() noexcept { return *reinterpret_cast<layout::Header*>(base_); }
  layout::RingEntry& entry(std::size_t index) noexcept {
    return reinterpret_cast<layout::RingEntry*>(base_ + rings_at_)[index];
  }

  void append(const std::vector<std::byte>& definition) {
    if (definition.size() > layout::definitions_size - definitions_) return lose_definition();
    std::memcpy(base_ + definitions_at_ + definitions_, definition.data(), definition.size());
    definitions_ += definition.size();
    Told<std::uint64_t>::store(header().definitions, definitions_);  // to WatchedBus::learn_definitions()
  }
  void lose_definition() noexcept {
    // relaxed: a number to be shown
    StdAtomics::store(header().definitions_lost, header().definitions_lost + 1, std::memory_order_relaxed);
  }
  void give_back(const Area& area) noexcept {
    const std::lock_guard lock(mutex_);
    try {
      freed_.push_back(area);
    } catch (const std::bad_alloc&) {  // it isn't used again
    }
  }

  const std::size_t definitions_at_, rings_at_;
  std::mutex mutex_;
  std::size_t free_at_;
  const std::size_t size_;
  Descriptor descriptor_;
  std::byte* base_ = nullptr;
  std::size_t definitions_ = 0, rings_ = 0;  // what the memory says of them; it is never believed itself
  std::vector<Area> freed_;
  std::array<bool, event_ids> defined_{};
};

/// Hands the memory to those who come. It reads nothing from them and waits for none of them.
class SharedBus::Door {
 public:
  Door(const std::filesystem::path& place, Memory& memory) : memory_(memory) {
    try {
      socket_ = local_socket::listen_at(place);
    } catch (const std::system_error& error) {
      if (error.code().value() == EADDRINUSE) throw ShareError(place.string() + ": another bus is shared there");
      refuse_share(place.string() + ": its socket", error.code().value());
    }
    stop_ = Descriptor(::eventfd(0, EFD_CLOEXEC));
    if (!stop_) refuse_share("an event descriptor", errno);
    // Who gets it can't make it writable: the seals forbid that too.
    const std::string self = "/proc/self/fd/" + std::to_string(memory.descriptor().get());
    read_only_ = Descriptor(::open(self.c_str(), O_RDONLY | O_CLOEXEC));
    try {
      thread_ = std::thread([this] { serve(); });
    } catch (const std::system_error& error) {
      refuse_share("a thread", error.code().value());
    }
  }
  ~Door() {
    const std::uint64_t one = 1;
    if (::write(stop_.get(), &one, sizeof one) != sizeof one) std::terminate();  // an eventfd takes it
    thread_.join();
  }
  // relaxed: a number to be shown
  std::size_t watchers() const noexcept { return count_.load(std::memory_order_relaxed); }

 private:
  void serve() noexcept {
    std::vector<pollfd> wait;
    std::vector<Descriptor> watchers;
    wait.reserve(most_watchers + 2);
    watchers.reserve(most_watchers);
    for (;;) {
      wait.clear();
      wait.push_back({.fd = stop_.get(), .events = POLLIN, .revents = 0});
      wait.push_back({.fd = socket_.get(), .events = POLLIN, .revents = 0});
      // its end
      for (const Descriptor& watcher : watchers) wait.push_back({.fd = watcher.get(), .events = 0, .revents = 0});
      if (::poll(wait.data(), wait.size(), -1) < 0) continue;
      if (wait[0].revents != 0) return;
      for (std::size_t i = watchers.size(); i-- > 0;)
        if (wait[i + 2].revents != 0) watchers.erase(watchers.begin() + static_cast<std::ptrdiff_t>(i));
      if (wait[1].revents != 0) {
        Descriptor watcher(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (watcher && admit(watcher, watchers.size())) watchers.push_back(std::move(watcher));
      }
      count_.store(watchers.size(), std::memory_order_relaxed);
      if (::poll(wait.data(), 1, rest_ms) > 0) return;
    }
  }

  bool admit(const Descriptor& watcher, std::size_t others) noexcept {
    try {
      const uid_t who = local_socket::peer(watcher);
      if (who != ::geteuid() && who != 0) return false;
      ::shutdown(watcher.get(), SHUT_RD);  // there is nothing that it could say
      memory_.define_types();              // a library may have been loaded since
      const bool welcome = others < most_watchers;
      const layout::Hello hello{.magic = layout::magic, .version = layout::version, .welcome = welcome ? 1u : 0u};
      const Descriptor& handed = read_only_ ? read_only_ : memory_.descriptor();
      return local_socket::send(watcher, std::as_bytes(std::span(&hello, 1)), handed.get()) && welcome;
    } catch (const std::exception&) {
      return false;
    }
  }

  Memory& memory_;
  Descriptor socket_, stop_, read_only_;
  std::atomic<std::size_t> count_{0};
  std::thread thread_;
};

SharedBus::SharedBus(const std::filesystem::path& place, std::size_t room) : memory_(std::make_shared<Memory>(room)) {
  memory_->define_types();
  door_ = std::make_unique<Door>(place, *memory_);
  listen_to_names(*memory_);
}

SharedBus::~SharedBus() {
  unlisten_to_names(*memory_);
  end();
}

RingMemory SharedBus::take(std::size_t capacity, Sequence first, std::uint32_t id, Stream stream,
                           std::string_view name) {
  return memory_->take(capacity, LoggedRing{.id = id, .stream = stream, .name = std::string(name)}, first);
}

void SharedBus::end() noexcept {
  memory_->close();
  door_.reset();
}

std::size_t SharedBus::watchers() const noexcept { return door_ != nullptr ? door_->watchers() : 0; }

}  // namespace sidestep
