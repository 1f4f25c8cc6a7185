#include <sidestep/bus/archive.hpp>

#include <cstring>

namespace sidestep {

void Archive::check_left(std::uint64_t count, std::size_t each) const {
  if (count > (bytes_.size() - at_) / each)
    throw ArchiveError("the saved state ends early: it was saved by a pipeline with other stages.");
}

void Archive::raw(void* data, std::size_t size) {
  if (saving_) {
    const auto* first = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), first, first + size);
    return;
  }
  check_left(size, 1);
  if (size > 0) std::memcpy(data, bytes_.data() + at_, size);
  at_ += size;
}

}  // namespace sidestep
