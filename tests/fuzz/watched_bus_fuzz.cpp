// libFuzzer: whatever a watched process writes into its memory, and whenever it does, it is read or refused, and
// nothing else happens.
//
// An input is flags, how many patches there are, patches (a word's place, its value), and the memory as it is first.
// Flags say what of it is put right, so that what lies behind is reached: 1 its head, 2 where its rings lie, 4 its
// slots' checks, without which no event is whole. Patches are applied while it is read; by flag 8 a slot that they
// touch has its check right again, and else it may be torn.
#include "watched_bus_fuzz.hpp"

#include <sidestep/bus/watched_bus.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>

namespace {

using namespace sidestep;

constexpr std::size_t memory_size = 16384, definitions_at = 256, definitions_size = 1792, rings_at = 2048,
                      most_rings = 4, slots_at = 4096;

alignas(no_sharing) std::byte memory[memory_size];

template <class T>
void put(std::size_t at, const T& value) {
  std::memcpy(memory + at, &value, sizeof value);
}

void put_head_right() {
  using shared_layout::Header;
  put(offsetof(Header, magic), shared_layout::magic);
  put(offsetof(Header, version), shared_layout::version);
  put(offsetof(Header, definitions_at), std::uint64_t{definitions_at});
  put(offsetof(Header, definitions_size), std::uint64_t{definitions_size});
  put(offsetof(Header, rings_at), std::uint64_t{rings_at});
  put(offsetof(Header, most_rings), std::uint64_t{most_rings});
}

void put_rings_right() {
  put(offsetof(shared_layout::Header, rings), std::uint64_t{most_rings});
  for (std::size_t i = 0; i < most_rings; ++i) {
    const std::size_t entry = rings_at + i * sizeof(shared_layout::RingEntry);
    put(entry + offsetof(shared_layout::RingEntry, at), std::uint64_t{slots_at + i * 1024});
    put(entry + offsetof(shared_layout::RingEntry, capacity), std::uint64_t{16});
  }
}

/// Of the slot that lies at `at`.
void put_check_right(std::size_t at) {
  Sequence number;
  std::memcpy(&number, memory + at, sizeof number);
  put(at + offsetof(Slot, check), check_of(number));
}

/// Of whatever may be a slot, also where it belongs to no ring yet.
void put_checks_right() {
  for (std::size_t at = slots_at; at < memory_size; at += sizeof(Slot)) put_check_right(at);
}

/// A slot holds it with the check of its number.
bool lies_whole(const LoggedEvent& event) {
  for (std::size_t at = 0; at < memory_size; at += sizeof(Slot)) {
    Slot slot;
    std::memcpy(&slot, memory + at, sizeof slot);
    if (slot.sequence == event.sequence && slot.check == check_of(event.sequence) && slot.type == event.type &&
        slot.size == event.size && slot.ring == event.ring && slot.stamp == event.stamp &&
        std::memcmp(slot.body, event.body, sizeof slot.body) == 0)
      return true;
  }
  return false;
}

/// Stores that come between the reads, one at a time.
class Patches {
 public:
  /// `checked`: a slot's check is right behind each of them.
  Patches(std::span<const std::uint8_t> bytes, bool checked) : left_(bytes), checked_(checked) {}
  bool apply() {
    if (left_.size() < size) return false;
    std::uint16_t place;
    std::uint64_t value;
    std::memcpy(&place, left_.data(), sizeof place);
    std::memcpy(&value, left_.data() + sizeof place, sizeof value);
    left_ = left_.subspan(size);
    const std::size_t at = place % (memory_size / 8) * 8;
    put(at, value);
    if (checked_ && at >= slots_at) put_check_right(at / sizeof(Slot) * sizeof(Slot));
    return true;
  }
  static constexpr std::size_t size = 10;

 private:
  std::span<const std::uint8_t> left_;
  bool checked_;
};

}  // namespace

sidestep::test::HostileReading sidestep::test::read_hostile_bus(std::span<const std::uint8_t> input) {
  HostileReading reading;
  if (input.size() < 2) return reading;
  const bool head_right = (input[0] & 1) != 0, rings_right = (input[0] & 2) != 0, checks_right = (input[0] & 4) != 0;
  const bool patched_checks_right = (input[0] & 8) != 0;
  std::span<const std::uint8_t> bytes = input.subspan(2);
  const std::size_t patched = std::min<std::size_t>(input[1] * Patches::size, bytes.size());
  Patches patches(bytes.first(patched), patched_checks_right);
  bytes = bytes.subspan(patched);
  std::memset(memory, 0, sizeof memory);
  std::memcpy(memory, bytes.data(), std::min(bytes.size(), sizeof memory));
  if (head_right) put_head_right();
  if (rings_right) put_rings_right();
  if (checks_right) put_checks_right();
  try {
    WatchedBus bus{std::span<const std::byte>(memory)};
    std::size_t letters = 0;
    bool more = true;
    for (int polls = 0; polls < 4 || more; ++polls) {
      const std::size_t found = bus.poll(
          [&](const LoggedEvent& event) {
            ++reading.events;
            if (event.size > Slot::body_size || event.type == 0 || !lies_whole(event)) std::abort();
            const LogCatalog& catalog = bus.catalog();
            letters += catalog.type_name(event.type).size() + catalog.ring_name(event.ring).size();
            if (const LoggedType* const type = catalog.type(event.type))
              for (const FieldLayout& field : type->fields)
                if (const auto value = catalog.value(event, field))
                  letters += field.name.size() + value->index(), ++reading.values;
            patches.apply();
          },
          32);
      if (found > 32 * most_rings && rings_right) std::abort();
      more = patches.apply();
    }
    const WatchAccount account = bus.account();
    if (account.seen < reading.events) std::abort();
    reading.missed = account.missed;
  } catch (const WatchError&) {
  }
  return reading;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sidestep::test::read_hostile_bus({data, size});
  return 0;
}
