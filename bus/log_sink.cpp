#include <sidestep/bus/log_sink.hpp>

namespace sidestep {

LogSink::LogSink(const std::filesystem::path& path, Nanoseconds began, int compression)
    : file_(path),
      identity_(log_format::new_identity(began)),
      compression_(compression),
      block_(std::make_unique<LogBlock>()),
      scratch_(std::make_unique<LogBlock>()) {
  filler_.begin(*block_);
}

void LogSink::define(const LoggedType& type) { put(log_format::encode(type)); }
void LogSink::define(const LoggedRing& ring) { put(log_format::encode(ring)); }
void LogSink::define_name(std::uint32_t id, std::string_view text) { put(log_format::encode_name(id, text)); }

void LogSink::define(const LogCatalog& catalog) {
  for (const auto& [id, type] : catalog.types()) define(type);
  for (const auto& [id, ring] : catalog.rings()) define(ring);
  for (const auto& [id, text] : catalog.names()) define_name(id, text);
}

void LogSink::put(const std::vector<std::byte>& definition) {
  const std::span<const std::byte> bytes(definition);
  catalog_.take(static_cast<std::uint8_t>(definition[offsetof(log_format::DefinitionRecord, what)]),
                bytes.subspan(sizeof(log_format::DefinitionRecord)));
  if (!filler_.has_room(definition.size())) write(false);
  filler_.define(definition);
}

void LogSink::add(const LoggedEvent& event) {
  if (!filler_.has_room_for_event()) write(false);
  const LoggedType* const type = catalog_.type(event.type);
  const FieldLayout* const step = type != nullptr && type->size <= event.size ? type->step() : nullptr;
  filler_.add(event.type, event.size, event.ring, event.sequence, event.stamp, event.body,
              step != nullptr ? step->offset : -1);
  ++in_block_;
}

void LogSink::write(bool is_last) {
  LogBlock& block =
      log_format::seal(filler_.end(), identity_, number_++, events_, is_last, compression_, scratch_.get());
  events_ += std::exchange(in_block_, 0);
  if (const int code = file_.write(block); code != 0)
    throw LogError(LogError::Kind::file, log_failure(file_.path(), code));
  filler_.begin(*block_);
}

void LogSink::close() {
  write(true);
  if (const int code = file_.close(); code != 0) throw LogError(LogError::Kind::file, log_failure(file_.path(), code));
}

}  // namespace sidestep
