#include <sidestep/bus/log_format.hpp>

#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace sidestep::log_format {

std::uint64_t checksum(std::span<const std::byte> bytes) noexcept { return XXH3_64bits(bytes.data(), bytes.size()); }

std::uint64_t header_checksum(BlockHeader header) noexcept {
  header.header_check = 0;
  return XXH3_64bits(&header, sizeof header);
}

bool whole(const BlockHeader& header) noexcept {
  return header.magic == magic && header.header_check == header_checksum(header);
}

bool sound(const BlockHeader& header) noexcept {
  return whole(header) && header.version == version && header.pages >= 1 && header.pages <= block_size / page &&
         header.used <= capacity && header.stored <= header.used &&
         header.stored + header_size <= header.pages * page &&
         ((header.flags & compressed) != 0 || header.stored == header.used);
}

}  // namespace sidestep::log_format
