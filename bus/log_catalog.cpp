#include <sidestep/bus/log_catalog.hpp>

#include <sidestep/bus/subscription.hpp>

namespace sidestep {
namespace {

/// Reads numbers and texts from bytes that may be anything.
class Cautious {
 public:
  explicit Cautious(std::span<const std::byte> bytes) : left_(bytes) {}
  template <class T>
  bool number(T& value) {
    if (left_.size() < sizeof value) return false;
    std::memcpy(&value, left_.data(), sizeof value);
    left_ = left_.subspan(sizeof value);
    return true;
  }
  bool text(std::string& value, std::size_t size) {
    if (left_.size() < size) return false;
    value.assign(reinterpret_cast<const char*>(left_.data()), size);
    left_ = left_.subspan(size);
    return true;
  }
  std::string rest() { return {reinterpret_cast<const char*>(left_.data()), left_.size()}; }

 private:
  std::span<const std::byte> left_;
};

bool possible(const FieldLayout& field, std::size_t size) {
  if (field.size == 0 || field.offset + std::size_t{field.size} > size) return false;
  const bool power = field.size <= 8 && std::has_single_bit(field.size);
  switch (field.kind) {
    case FieldKind::integer:
    case FieldKind::whole:
      return power;
    case FieldKind::real:
      return field.size == 4 || field.size == 8;
    case FieldKind::boolean:
      return field.size == 1;
    case FieldKind::name:
      return field.size == 4;
    case FieldKind::text:
      return true;
  }
  return false;
}

template <class T>
T read_as(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

std::int64_t read_integer(const std::byte* from, std::size_t size) {
  switch (size) {
    case 1:
      return read_as<std::int8_t>(from);
    case 2:
      return read_as<std::int16_t>(from);
    case 4:
      return read_as<std::int32_t>(from);
    default:
      return read_as<std::int64_t>(from);
  }
}

std::uint64_t read_whole(const std::byte* from, std::size_t size) {
  std::uint64_t value = 0;
  std::memcpy(&value, from, size);
  return value;
}

}  // namespace

std::string differences(const LoggedType& there, const EventInfo& here) {
  if (here.layout == nullptr || here.refers) return {};
  return layout_differences(here.layout(nullptr), there.fields, "there");
}

void LogCatalog::check(const EventInfo& here, std::size_t size) const {
  if (here.id < agreed_.size() && agreed_[here.id] && size == here.size) return;
  const LoggedType* const there = type(here.id);
  const auto refuse = [&](const std::string& what) {
    throw LogError(LogError::Kind::mismatch, "event type '" + std::string(here.name) + "' (id " +
                                                 std::to_string(here.id) +
                                                 ") is another one where this was written: " + what + ".");
  };
  if (there != nullptr && there->name != here.name) refuse("there it is '" + there->name + "'");
  if (size != here.size)
    refuse("it has " + std::to_string(size) + " bytes there, " + std::to_string(here.size) + " here");
  if (there == nullptr) return;  // its description was lost
  if (const std::string what = differences(*there, here); !what.empty()) refuse(what);
  if (here.id >= agreed_.size()) agreed_.resize(here.id + std::size_t{1});
  agreed_[here.id] = true;
}

std::string LogCatalog::name(std::uint32_t id) const {
  if (id == 0) return {};
  const auto found = names_.find(id);
  return found != names_.end() ? found->second : "?";
}

std::string LogCatalog::type_name(EventId id) const {
  const LoggedType* const found = type(id);
  return found != nullptr ? found->name : "event " + std::to_string(id);
}

std::string LogCatalog::ring_name(std::uint32_t id) const {
  const auto found = rings_.find(id);
  return found != rings_.end() ? found->second.name : "ring " + std::to_string(id);
}

std::optional<FieldValue> LogCatalog::value(const LoggedEvent& event, const FieldLayout& field) const {
  if (field.offset + std::size_t{field.size} > event.size) return std::nullopt;
  const std::byte* const at = event.body + field.offset;
  switch (field.kind) {
    case FieldKind::integer:
      return read_integer(at, field.size);
    case FieldKind::whole:
      return read_whole(at, field.size);
    case FieldKind::real:
      return field.size == 4 ? double{read_as<float>(at)} : read_as<double>(at);
    case FieldKind::boolean:
      return read_as<std::uint8_t>(at) != 0;
    case FieldKind::name:
      return name(read_as<std::uint32_t>(at));
    case FieldKind::text: {
      const std::string_view text(reinterpret_cast<const char*>(at), field.size);
      return std::string(text.substr(0, text.find('\0')));
    }
  }
  return std::nullopt;
}

bool LogCatalog::take(std::uint8_t what, std::span<const std::byte> bytes) {
  Cautious from(bytes);
  switch (what) {
    case log_format::Defined::type:
      return take_type(bytes);
    case log_format::Defined::name: {
      std::uint32_t id = 0;
      if (!from.number(id)) return false;
      names_[id] = from.rest();
      return true;
    }
    case log_format::Defined::ring: {
      LoggedRing ring;
      std::uint32_t stream = 0;
      if (!from.number(ring.id) || !from.number(stream)) return false;
      ring.stream = stream == static_cast<std::uint32_t>(Stream::trainer) ? Stream::trainer : Stream::others;
      ring.name = from.rest();
      rings_[ring.id] = std::move(ring);
      return true;
    }
    default:
      return true;  // of a kind that this version needn't know
  }
}

bool LogCatalog::take_type(std::span<const std::byte> bytes) {
  Cautious from(bytes);
  LoggedType type;
  std::uint16_t fields = 0, length = 0;
  if (!from.number(type.id) || !from.number(type.size) || !from.number(fields) || !from.number(length) ||
      !from.text(type.name, length) || type.id == 0 || type.size > Slot::body_size)
    return false;
  for (unsigned i = 0; i < fields; ++i) {
    FieldLayout field;
    std::uint8_t letters = 0;
    if (!from.number(field.kind) || !from.number(field.offset) || !from.number(field.size) || !from.number(letters) ||
        !from.text(field.name, letters))
      return false;
    if (possible(field, type.size)) type.fields.push_back(std::move(field));
  }
  const EventId id = type.id;
  if (const LoggedType* const known = this->type(id); known != nullptr && *known == type) return true;
  LoggedType& entry = types_[id] = std::move(type);
  if (id < agreed_.size()) agreed_[id] = false;
  if (types_by_id_.size() <= id) types_by_id_.resize(id + std::size_t{1}), step_at_.resize(id + std::size_t{1}, -1);
  types_by_id_[id] = &entry;
  const FieldLayout* const step = entry.step();
  step_at_[id] = static_cast<std::int8_t>(step != nullptr ? step->offset : -1);
  return true;
}

}  // namespace sidestep
