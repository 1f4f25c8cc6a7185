// libFuzzer: whatever a file holds, it is read, named or refused, and nothing else happens.
//
// A checksum would turn nearly every change away at the door. So half of the inputs have their blocks' checksums put
// right first: what lies behind the checksums is then reached too.
#include <sidestep/bus/log_reader.hpp>
#include <sidestep/bus/subscription.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

using namespace sidestep;

/// A file without a disk; it is written anew for each input.
class MemoryFile {
 public:
  MemoryFile()
      : descriptor_(::memfd_create("log", MFD_CLOEXEC)), path_("/proc/self/fd/" + std::to_string(descriptor_)) {}
  const std::string& path() const { return path_; }
  void put(const std::vector<std::uint8_t>& bytes) const {
    if (::ftruncate(descriptor_, 0) != 0 ||
        ::pwrite(descriptor_, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
      std::abort();
  }

 private:
  int descriptor_;
  std::string path_;
};

void put_checksums_right(std::vector<std::uint8_t>& bytes, bool numbers_too) {
  std::uint64_t log = 0;
  std::uint32_t number = 0;
  for (std::size_t at = 0; at + log_format::header_size <= bytes.size(); at += log_format::page) {
    log_format::BlockHeader header;
    std::memcpy(&header, bytes.data() + at, sizeof header);
    if (header.magic != log_format::magic) continue;
    if (log == 0) log = header.log;
    header.log = log;
    header.version = log_format::version;
    if (numbers_too) header.number = number++;
    const std::size_t end = at + header.pages * log_format::page;
    if (header.pages == 0 || end > bytes.size()) continue;
    header.body_check =
        log_format::checksum(std::as_bytes(std::span(bytes)).subspan(at + sizeof header, end - at - sizeof header));
    header.header_check = log_format::header_checksum(header);
    std::memcpy(bytes.data() + at, &header, sizeof header);
  }
}

void read(const std::string& path) {
  LogReader log(path);
  std::uint64_t events = 0;
  std::size_t letters = 0;
  const auto look = [&](const LoggedEvent& event) {
    ++events;
    letters += log.catalog().type_name(event.type).size() + log.catalog().ring_name(event.ring).size();
    if (event.size > Slot::body_size) std::abort();
    if (const LoggedType* const type = log.catalog().type(event.type))
      for (const FieldLayout& field : type->fields)
        if (const auto value = log.catalog().value(event, field)) letters += field.name.size() + value->index();
  };
  log.for_each(look);
  for (const LogDamage& damage : log.damage())
    if (damage.last_block < damage.first_block) std::abort();
  if (log.seek_step(static_cast<Step>(events / 2))) log.for_each(look);
  if (log.seek_time(static_cast<Nanoseconds>(events * 100))) log.for_each(look);
  if (log.seek_sequence(1, events / 3)) log.for_each(look);
  log.read_definitions();
  log.go_to_block(log.index().size() / 2);
  log.for_each(look);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const MemoryFile file;
  if (size == 0) return 0;
  std::vector<std::uint8_t> bytes(data + 1, data + size);
  if ((data[0] & 1) != 0) put_checksums_right(bytes, (data[0] & 2) != 0);
  file.put(bytes);
  try {
    read(file.path());
  } catch (const LogError&) {
  }
  return 0;
}
