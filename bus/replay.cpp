#include <sidestep/bus/replay.hpp>

#include <limits>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <unordered_map>

namespace sidestep {
namespace {

/// Publishes a log's events, whose names have other numbers here.
class Replay {
 public:
  Replay(LogReader& log, Bus& bus, ReplayOptions options) : log_(log), bus_(bus), options_(options) {}

  ReplayAccount run() {
    if (bus_.has_cut_sink())
      refuse("a loop is attached to this bus, and the log's trainer events would drive it. Replay into a bus of its own.");
    check_types();
    check_rings();
    while (log_.next_block()) {
      if ((log_.block().flags & log_format::has_definitions) != 0) forms_.fill({});
      log_.events([this](const LoggedEvent& event) { publish(event); });
    }
    if (polled_)
      while (bus_.poll()) {}
    account_.damage = log_.damage();
    return std::move(account_);
  }

 private:
  [[noreturn]] void refuse(const std::string& why, LogError::Kind kind = LogError::Kind::refused) const {
    throw LogError(kind, log_.path().string() + ": " + why);
  }

  void check_types() {
    log_.read_definitions();
    for (const auto& [id, type] : log_.catalog().types()) {
      const EventInfo* const here = find_event(id);
      if (here == nullptr || (here->name == type.name && here->size == type.size)) continue;
      refuse("event type " + std::to_string(id) + " is '" + type.name + "' of " + std::to_string(type.size) +
                 " bytes in the log and '" + std::string(here->name) + "' of " + std::to_string(here->size) +
                 " bytes in this program. Replay it with the program that wrote it.",
             LogError::Kind::mismatch);
    }
  }

  using RingKey = std::pair<Stream, std::string>;

  void check_rings() const {
    std::set<RingKey> keys;
    for (const auto& [id, ring] : log_.catalog().rings()) {
      keys.emplace(ring.stream, ring.name);
      if (keys.size() > most_producers) refuse_rings();
    }
  }
  [[noreturn]] void refuse_rings() const {
    refuse("has more than " + std::to_string(most_producers) + " rings of different names, each of which would take a ring of the bus. "
           "Replay a part of it: sidestep log slice --ring NAME.");
  }

  /// How events of a type must look, and which of their bytes are names.
  struct Form {
    bool known = false, lost = false;
    std::int16_t size = -1;  // less than 0: any, since nobody here knows the type
    std::uint8_t names = 0;
    std::array<std::uint8_t, Slot::body_size / sizeof(Name)> name_at{};
  };

  void find_form(EventId id) {
    Form& form = forms_[id] = {.known = true};
    const LoggedType* const type = log_.catalog().type(id);
    const EventInfo* const here = find_event(id);
    if (here != nullptr) form.size = static_cast<std::int16_t>(here->size);
    std::vector<FieldLayout> fields;
    if (here != nullptr && here->layout != nullptr && !here->refers) fields = here->layout(nullptr);
    else if (type != nullptr) fields = type->fields;
    else form.lost = here != nullptr && here->layout != nullptr;  // it may look at what it refers to, which was another process'
    for (const FieldLayout& field : fields)
      if (field.kind == FieldKind::name && form.names < form.name_at.size()) form.name_at[form.names++] = field.offset;
  }

  void publish(const LoggedEvent& event) {
    if (event.type >= event_ids) [[unlikely]] return void(++account_.skipped);
    if (!forms_[event.type].known) [[unlikely]] find_form(event.type);
    const Form& form = forms_[event.type];
    if (form.lost || (form.size >= 0 && form.size != event.size)) [[unlikely]] return void(++account_.damaged);
    std::array<std::uint32_t, Slot::body_size / sizeof(Name)> names;
    for (unsigned i = 0; i < form.names; ++i) {
      names[i] = 0;
      if (form.name_at[i] + sizeof(std::uint32_t) > event.size) continue;
      std::uint32_t id;
      std::memcpy(&id, event.body + form.name_at[i], sizeof id);
      names[i] = here(id).id;
      if (names[i] == unknown) [[unlikely]] return void(++account_.damaged);
    }
    if (event.ring != ring_ || producer_ == nullptr) [[unlikely]] turn_to(event.ring);
    if (options_.speed == ReplayOptions::Speed::real) wait_for(event.stamp);
    producer_->publish_bytes(event.stamp, event.type, event.size, event.body, [&](std::byte* body) {
      for (unsigned i = 0; i < form.names; ++i)
        if (form.name_at[i] + sizeof(std::uint32_t) <= event.size) std::memcpy(body + form.name_at[i], &names[i], sizeof names[i]);
    });
    ++account_.events;
    if (polled_ && ++unpolled_ == between_polls_) poll();
  }

  /// The name with this number in the log; `unknown`: it was lost.
  Name here(std::uint32_t id) {
    if (id < names_.size() && names_[id].id != unknown) [[likely]] return names_[id];
    if (id == 0) return Name{};
    if (id >= log_format::name_ids) return intern("?");  // never a name: the recorder leaves them out
    const auto found = log_.catalog().names().find(id);
    if (found == log_.catalog().names().end()) return Name{unknown};
    const Name name = intern(found->second);
    constexpr std::uint32_t most_kept = 1 << 20;
    if (id < most_kept) {
      if (id >= names_.size()) names_.resize(id + std::size_t{1}, Name{unknown});
      names_[id] = name;
    }
    return name;
  }

  void turn_to(std::uint32_t ring) {
    poll();
    ring_ = ring;
    if (const auto known = producer_of_.find(ring); known != producer_of_.end()) return void(producer_ = known->second);
    const auto found = log_.catalog().rings().find(ring);
    const bool is_defined = found != log_.catalog().rings().end();
    RingKey key = is_defined ? RingKey(found->second.stream, found->second.name) : RingKey(Stream::others, "?");
    auto at = producers_.find(key);
    if (at == producers_.end()) {
      if (producers_.size() > most_producers) refuse_rings();  // the log has grown meanwhile; the one more is of the lost
      Producer producer = bus_.producer(key.second, key.first);
      at = producers_.emplace(std::move(key), std::move(producer)).first;
    }
    producer_ = &at->second;
    if (is_defined) producer_of_[ring] = producer_;
  }

  /// Stamps are whatever a file says: what would overflow waits for ever, or not at all.
  void wait_for(Nanoseconds stamp) {
    if (!first_stamp_) first_stamp_ = stamp, begin_ = Clock::steady();
    Nanoseconds after = 0, due = 0;
    if (__builtin_sub_overflow(stamp, *first_stamp_, &after) || __builtin_add_overflow(begin_, after, &due)) {
      if (stamp < *first_stamp_) return;
      due = std::numeric_limits<Nanoseconds>::max();
    }
    while (Clock::steady() < due) {
      poll();
      const Nanoseconds left = due - Clock::steady();
      if (left > 0) std::this_thread::sleep_for(std::chrono::nanoseconds(std::min<Nanoseconds>(left, 5'000'000)));
    }
  }

  void poll() {
    unpolled_ = 0;
    // no further than needed: a poll that finds nothing costs as much as hundreds of events
    if (polled_ && producer_ != nullptr)
      while (!producer_->ring().caught_up() && bus_.poll()) {}
  }

  static constexpr std::uint32_t unknown = ~std::uint32_t{0};
  static constexpr std::size_t most_producers = 128;  // each takes a ring of the bus, a megabyte by default

  LogReader& log_;
  Bus& bus_;
  const ReplayOptions options_;
  const bool polled_ = !bus_.options().thread;
  // few enough that they are still in the nearest cache when they are handled
  const std::size_t between_polls_ = std::clamp<std::size_t>(bus_.options().ring_capacity / 2, 1, 256);
  std::array<Form, event_ids> forms_{};              // by type
  std::vector<Name> names_;                          // by their number in the log
  std::map<RingKey, Producer> producers_;
  std::unordered_map<std::uint32_t, Producer*> producer_of_;  // by ring; of those that the log defines
  Producer* producer_ = nullptr;
  std::uint32_t ring_ = 0;
  std::size_t unpolled_ = 0;
  std::optional<Nanoseconds> first_stamp_;
  Nanoseconds begin_ = 0;
  ReplayAccount account_;
};

}  // namespace

ReplayAccount replay(LogReader& log, Bus& bus, ReplayOptions options) { return Replay(log, bus, options).run(); }

ReplayAccount replay(const std::filesystem::path& path, Bus& bus, ReplayOptions options) {
  LogReader log(path);
  return replay(log, bus, options);
}

}  // namespace sidestep
