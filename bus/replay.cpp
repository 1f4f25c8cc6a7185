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
  Replay(LogReader& log, Bus& bus, ReplayOptions options)
      : log_(log), bus_(bus), real_(options.speed == ReplayOptions::Speed::real) {}

  ReplayAccount run() {
    if (bus_.has_cut_sink())
      refuse(
          "a loop is attached to this bus, and the log's trainer events would drive it. Replay into a bus of its own.");
    check_types();
    check_rings();
    while (log_.next_block()) {
      if ((log_.block().flags & log_format::has_definitions) != 0) forms_.fill({});
      log_.events([this](const LoggedEvent& event) { publish(event); });
    }
    if (polled_)
      while (bus_.poll()) {
      }
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
      if (here == nullptr) continue;
      if (here->name == type.name && here->size == type.size) {
        const std::string what = differences(type, *here);
        if (what.empty()) continue;
        refuse("event type '" + type.name + "' has other fields in this program than in the log: " + what +
                   ". Replay it with the program that wrote it.",
               LogError::Kind::mismatch);
      }
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
    refuse("has more than " + std::to_string(most_producers) +
           " rings of different names, each of which would take a ring of the bus. "
           "Replay a part of it: sidestep log slice --ring NAME.");
  }

  /// How events of a type must look, and which of their bytes are names.
  struct Form {
    static constexpr std::int16_t unasked = -1;   // find_form() has not been called
    static constexpr std::int16_t any_size = -2;  // nobody here knows the type
    std::int16_t size = unasked;
    bool lost = false;
    bool changes = false;  // it has names, or a payload
    std::uint8_t names = 0;
    std::int8_t payload_at = -1;
    std::array<std::uint8_t, Slot::body_size / sizeof(Name)> name_at{};
  };

  void find_form(EventId id) {
    Form& form = forms_[id] = {.size = Form::any_size};
    const LoggedType* const type = log_.catalog().type(id);
    const EventInfo* const here = find_event(id);
    if (here != nullptr) form.size = static_cast<std::int16_t>(here->size);
    if (here != nullptr) form.payload_at = static_cast<std::int8_t>(here->payload_at);
    std::vector<FieldLayout> fields;
    if (here != nullptr && here->layout != nullptr && !here->refers)
      fields = here->layout(nullptr);
    else if (type != nullptr)
      fields = type->fields;
    // it may look at what it refers to, which was another process'
    else
      form.lost = here != nullptr && here->layout != nullptr;
    for (const FieldLayout& field : fields)
      if (field.kind == FieldKind::name && form.names < form.name_at.size()) form.name_at[form.names++] = field.offset;
    form.changes = form.names > 0 || form.payload_at >= 0;
  }

  void publish(const LoggedEvent& event) {
    if (event.type >= event_ids) [[unlikely]]
      return void(++account_.skipped);
    const Form& form = forms_[event.type];
    if (form.size != event.size || form.lost) [[unlikely]]
      if (!fits(event.type, event.size)) return void(++account_.damaged);
    if (event.ring != ring_) [[unlikely]]
      turn_to(event.ring);
    if (real_) [[unlikely]]
      wait_for(event.stamp);
    const auto change = [&](std::byte* body) { return !form.changes || translate(form, event.size, body); };
    if (!producer_->publish_bytes(event.stamp, event.type, event.size, event.body, change)) [[unlikely]]
      return void(++account_.damaged);
    if (++account_.events == poll_at_) poll();
  }

  /// What one look hasn't said.
  [[gnu::noinline]] bool fits(EventId type, std::uint16_t size) {
    const Form& form = forms_[type];
    if (form.size == Form::unasked) find_form(type);
    return !form.lost && (form.size == Form::any_size || form.size == size);
  }

  /// Its names get the numbers that they have here. False: one was lost.
  bool translate(const Form& form, std::size_t size, std::byte* body) {
    for (unsigned i = 0; i < form.names; ++i) {
      std::byte* const at = body + form.name_at[i];
      if (form.name_at[i] + sizeof(Name) > size) continue;
      std::uint32_t id;
      std::memcpy(&id, at, sizeof id);
      id = here(id).id;
      if (id == unknown) [[unlikely]]
        return false;
      std::memcpy(at, &id, sizeof id);
    }
    if (form.payload_at >= 0) empty_payload(body + form.payload_at);
    return true;
  }

  /// What it referred to is in no log: its size is all that is left.
  static void empty_payload(std::byte* at) {
    PayloadRef ref;
    std::memcpy(&ref, at, sizeof ref);
    detail::PayloadAccess::empty(ref);
    std::memcpy(at, &ref, sizeof ref);
  }

  /// The name with this number in the log; `unknown`: it was lost.
  Name here(std::uint32_t id) { return id < names_.size() && names_[id].id != unknown ? names_[id] : find_name(id); }
  [[gnu::noinline]] Name find_name(std::uint32_t id) {
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

  [[gnu::noinline]] void turn_to(std::uint32_t ring) {
    poll();
    ring_ = ring;
    if (const auto known = producer_of_.find(ring); known != producer_of_.end()) return void(producer_ = known->second);
    const auto found = log_.catalog().rings().find(ring);
    const bool is_defined = found != log_.catalog().rings().end();
    RingKey key = is_defined ? RingKey(found->second.stream, found->second.name) : RingKey(Stream::others, "?");
    auto at = producers_.find(key);
    if (at == producers_.end()) {
      // the log has grown meanwhile; the one more is of the lost
      if (producers_.size() > most_producers) refuse_rings();
      Producer producer = bus_.producer(key.second, key.first);
      at = producers_.emplace(std::move(key), std::move(producer)).first;
    }
    producer_ = &at->second;
    if (is_defined) producer_of_[ring] = producer_;
  }

  /// Stamps are whatever a file says: what would overflow waits for ever, or not at all.
  [[gnu::noinline]] void wait_for(Nanoseconds stamp) {
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

  [[gnu::noinline]] void poll() {
    if (polled_) poll_at_ = account_.events + between_polls_;
    // no further than needed: a poll that finds nothing costs as much as hundreds of events
    if (polled_ && producer_ != nullptr)
      while (!producer_->ring().caught_up() && bus_.poll()) {
      }
  }

  static constexpr std::uint32_t unknown = ~std::uint32_t{0};
  static constexpr std::size_t most_producers = 128;  // each takes a ring of the bus, a megabyte by default

  LogReader& log_;
  Bus& bus_;
  const bool real_, polled_ = !bus_.options().thread;
  // few enough that they are still in the nearest cache when they are handled
  const std::size_t between_polls_ = std::clamp<std::size_t>(bus_.options().ring_capacity / 2, 1, 256);
  std::array<Form, event_ids> forms_{};  // by type
  std::vector<Name> names_{Name{}};      // by their number in the log
  std::map<RingKey, Producer> producers_;
  std::unordered_map<std::uint32_t, Producer*> producer_of_;  // by ring; of those that the log defines
  Producer* producer_ = nullptr;
  std::uint64_t ring_ = ~std::uint64_t{0};                                // that producer_ publishes for; at first none
  std::uint64_t poll_at_ = polled_ ? between_polls_ : ~std::uint64_t{0};  // when so many are published
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
