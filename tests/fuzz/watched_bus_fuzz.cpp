// libFuzzer: whatever a watched process writes into its memory, and whenever it does, it is read or refused, and nothing else happens.
//
// An input is flags, how many patches there are, patches (a word's place, its value), and the memory as it is first. Half of the inputs
// have the memory's head put right, so that what lies behind it is reached; patches are applied while it is read.
#include <sidestep/bus/watched_bus.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>

namespace {

using namespace sidestep;

constexpr std::size_t memory_size = 16384, definitions_at = 256, definitions_size = 1792, rings_at = 2048, most_rings = 4, slots_at = 4096;

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

/// Stores that come between the reads, one at a time.
class Patches {
 public:
  explicit Patches(std::span<const std::uint8_t> bytes) : left_(bytes) {}
  bool apply() {
    if (left_.size() < size) return false;
    std::uint16_t place;
    std::uint64_t value;
    std::memcpy(&place, left_.data(), sizeof place);
    std::memcpy(&value, left_.data() + sizeof place, sizeof value);
    left_ = left_.subspan(size);
    put(place % (memory_size / 8) * 8, value);
    return true;
  }
  static constexpr std::size_t size = 10;

 private:
  std::span<const std::uint8_t> left_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::span<const std::uint8_t> bytes(data + 2, size - 2);
  const std::size_t patched = std::min<std::size_t>(data[1] * Patches::size, bytes.size());
  Patches patches(bytes.first(patched));
  bytes = bytes.subspan(patched);
  std::memset(memory, 0, sizeof memory);
  std::memcpy(memory, bytes.data(), std::min(bytes.size(), sizeof memory));
  if ((data[0] & 1) != 0) put_head_right();
  if ((data[0] & 2) != 0) put_rings_right();
  try {
    WatchedBus bus{std::span<const std::byte>(memory)};
    std::size_t letters = 0;
    std::uint64_t events = 0;
    bool more = true;
    for (int polls = 0; polls < 4 || more; ++polls) {
      const std::size_t found = bus.poll([&](const LoggedEvent& event) {
        ++events;
        if (event.size > Slot::body_size || event.type == 0) std::abort();
        const LogCatalog& catalog = bus.catalog();
        letters += catalog.type_name(event.type).size() + catalog.ring_name(event.ring).size();
        if (const LoggedType* const type = catalog.type(event.type))
          for (const FieldLayout& field : type->fields)
            if (const auto value = catalog.value(event, field)) letters += field.name.size() + value->index();
        patches.apply();
      }, 32);
      if (found > 32 * most_rings && (data[0] & 2) != 0) std::abort();
      more = patches.apply();
    }
    if (bus.account().seen < events) std::abort();
  } catch (const WatchError&) {
  }
  return 0;
}
