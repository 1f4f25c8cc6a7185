#include <sidestep/bus/watched_bus.hpp>

#include <sidestep/bus/log_format.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace sidestep {

namespace layout = shared_layout;

namespace {

[[noreturn]] void refuse_memory(const char* what) {
  throw WatchError(WatchError::Kind::foreign, std::string("its memory isn't that of a bus: ") + what + ".");
}

/// `count` pieces of `size` bytes at `at` lie within the memory, behind the header, and aligned.
bool within(std::size_t memory, std::uint64_t at, std::uint64_t count, std::uint64_t size, std::uint64_t alignment) {
  return at >= sizeof(layout::Header) && at <= memory && at % alignment == 0 && count <= (memory - at) / size;
}

}  // namespace

WatchedBus::WatchedBus(std::span<const std::byte> memory) : memory_(memory) {
  if (memory.size() < sizeof(layout::Header) ||
      reinterpret_cast<std::uintptr_t>(memory.data()) % alignof(layout::Header) != 0)
    refuse_memory("it is too small");
  layout::Header head;
  // what never changes; from here on only the copy counts
  std::memcpy(&head, memory.data(), offsetof(layout::Header, definitions));
  if (head.magic != layout::magic) refuse_memory("it doesn't begin as one");
  if (head.version > layout::version)
    throw WatchError(WatchError::Kind::newer, "it belongs to a later version of Sidestep: watch it with that one.");
  if (head.version == 0 || !within(memory.size(), head.definitions_at, head.definitions_size, 1, 1) ||
      head.definitions_size > layout::most_definitions ||
      !within(memory.size(), head.rings_at, head.most_rings, sizeof(layout::RingEntry), alignof(layout::RingEntry)) ||
      head.most_rings > layout::most_rings)
    refuse_memory("its parts don't lie within it");
  definitions_at_ = head.definitions_at;
  definitions_size_ = head.definitions_size;
  rings_at_ = head.rings_at;
  most_rings_ = head.most_rings;
  process_ = head.process;
  began_ = head.began;
  learn_rings(true);  // from now on what passes is seen or missed
}

void WatchedBus::learn_rings(bool oldest) {
  // of SharedBus::Memory::take()
  const std::uint64_t there = std::min(Told<std::uint64_t>::load(header().rings), most_rings_);
  if (there > entries_) learn_definitions();
  for (; entries_ < there; ++entries_) {
    const auto& entry = reinterpret_cast<const layout::RingEntry*>(memory_.data() + rings_at_)[entries_];
    // relaxed: whole, as above; read once, since another process could change them
    const std::uint64_t at = StdAtomics::load(entry.at, std::memory_order_relaxed);
    const std::uint64_t capacity = StdAtomics::load(entry.capacity, std::memory_order_relaxed);
    const Sequence first = StdAtomics::load(entry.first, std::memory_order_relaxed);
    if (capacity < 2 || !std::has_single_bit(capacity) ||
        !within(memory_.size(), at, capacity, sizeof(Slot), alignof(Slot))) {
      ++nonsense_;
      continue;
    }
    rings_.emplace_back(reinterpret_cast<const Slot*>(memory_.data() + at), capacity, first, &entry.traces, oldest);
  }
}

/// Takes those that lie before `there`. They are copied first: another process could change them while they are read.
void WatchedBus::read_definitions(std::uint64_t there) {
  using log_format::DefinitionRecord;
  if (there < definitions_ || there > definitions_size_) {
    definitions_ = there;   // until it changes again
    definitions_size_ = 0;  // and then it is nothing either
    ++nonsense_;
    return;
  }
  const std::byte* const from = memory_.data() + definitions_at_ + definitions_;
  const std::vector<std::byte> copy(from, from + (there - definitions_));
  definitions_ = there;
  for (std::span<const std::byte> left(copy); !left.empty();) {
    DefinitionRecord record{};
    const bool whole = left.size() >= sizeof record;
    if (whole) std::memcpy(&record, left.data(), sizeof record);
    if (!whole || record.zero != 0 || record.size > left.size() - sizeof record ||
        !catalog_.take(record.what, left.subspan(sizeof record, record.size))) {
      ++nonsense_;
      return;
    }
    left = left.subspan(sizeof record + record.size);
  }
}

WatchAccount WatchedBus::account() const noexcept {
  WatchAccount sum{.seen = 0, .missed = 0, .rings = rings_.size(), .unshared = 0, .nonsense = nonsense_};
  // relaxed: a number to be shown
  sum.unshared = StdAtomics::load(header().rings_unshared, std::memory_order_relaxed);
  for (const WatchedRing<>& ring : rings_) {
    sum.seen += ring.seen();
    sum.missed += ring.missed();
  }
  return sum;
}

}  // namespace sidestep
