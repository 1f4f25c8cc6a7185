#include <sidestep/bus/replay.hpp>

#include <thread>
#include <unordered_map>

namespace sidestep {
namespace {

/// Publishes a log's events, whose names have other numbers here.
class Replay {
 public:
  Replay(LogReader& log, Bus& bus, ReplayOptions options) : log_(log), bus_(bus), options_(options) {}

  ReplayAccount run() {
    check_types();
    note_names();
    while (log_.next_block()) {
      if ((log_.block().flags & log_format::has_definitions) != 0) note_names();
      log_.events([this](const LoggedEvent& event) { publish(event); });
    }
    if (polled_)
      while (bus_.poll()) {}
    account_.damage = log_.damage();
    return std::move(account_);
  }

 private:
  void check_types() {
    log_.read_definitions();
    for (const auto& [id, type] : log_.catalog().types()) {
      const EventInfo* const here = find_event(id);
      if (here == nullptr || (here->name == type.name && here->size == type.size)) continue;
      throw LogError(LogError::Kind::mismatch,
                     log_.path().string() + ": event type " + std::to_string(id) + " is '" + type.name + "' of " +
                         std::to_string(type.size) + " bytes in the log and '" + std::string(here->name) + "' of " +
                         std::to_string(here->size) + " bytes in this program. Replay it with the program that wrote it.");
    }
  }

  /// Which bytes of which types are names.
  void note_names() {
    names_at_.fill({});
    for (const auto& [id, type] : log_.catalog().types()) {
      if (id >= event_ids) continue;
      Names& names = names_at_[id];
      for (const FieldLayout& field : type.fields)
        if (field.kind == FieldKind::name && names.count < names.at.size()) names.at[names.count++] = field.offset;
    }
  }

  void publish(const LoggedEvent& event) {
    if (event.type >= event_ids) [[unlikely]] return void(++account_.skipped);
    if (event.ring != ring_ || producer_ == nullptr) [[unlikely]] turn_to(event.ring);
    if (options_.speed == ReplayOptions::Speed::real) wait_for(event.stamp);
    const Names& names = names_at_[event.type];
    producer_->publish_bytes(event.stamp, event.type, event.size, event.body, [&](std::byte* body) {
      for (unsigned i = 0; i < names.count; ++i) {
        if (names.at[i] + sizeof(std::uint32_t) > event.size) continue;
        std::uint32_t id;
        std::memcpy(&id, event.body + names.at[i], sizeof id);
        id = here(id).id;
        std::memcpy(body + names.at[i], &id, sizeof id);
      }
    });
    ++account_.events;
    if (polled_ && ++unpolled_ == between_polls_) poll();
  }

  Name here(std::uint32_t id) {
    if (id < names_.size() && names_[id].id != unknown) return names_[id];
    const Name name = intern(log_.catalog().name(id));
    constexpr std::uint32_t most_kept = 1 << 20;
    if (id < most_kept) {
      if (id >= names_.size()) names_.resize(id + std::size_t{1}, Name{unknown});
      if (log_.catalog().names().contains(id)) names_[id] = name;
    }
    return name;
  }

  void turn_to(std::uint32_t ring) {
    poll();
    ring_ = ring;
    const auto [found, is_new] = producers_.try_emplace(ring);
    if (is_new) {
      const auto& rings = log_.catalog().rings();
      const auto known = rings.find(ring);
      found->second = bus_.producer(log_.catalog().ring_name(ring), known != rings.end() ? known->second.stream : Stream::others);
    }
    producer_ = &found->second;
  }

  void wait_for(Nanoseconds stamp) {
    if (first_stamp_ < 0) first_stamp_ = stamp, begin_ = Clock::steady();
    const Nanoseconds due = begin_ + (stamp - first_stamp_);
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

  LogReader& log_;
  Bus& bus_;
  const ReplayOptions options_;
  const bool polled_ = !bus_.options().thread;
  // few enough that they are still in the nearest cache when they are handled
  const std::size_t between_polls_ = std::clamp<std::size_t>(bus_.options().ring_capacity / 2, 1, 256);
  struct Names {
    std::uint8_t count = 0;
    std::array<std::uint8_t, Slot::body_size / sizeof(Name)> at{};
  };
  std::array<Names, event_ids> names_at_{};          // by type
  std::vector<Name> names_;                          // by their number in the log
  std::unordered_map<std::uint32_t, Producer> producers_;
  Producer* producer_ = nullptr;
  std::uint32_t ring_ = 0;
  std::size_t unpolled_ = 0;
  Nanoseconds first_stamp_ = -1, begin_ = 0;
  ReplayAccount account_;
};

}  // namespace

ReplayAccount replay(LogReader& log, Bus& bus, ReplayOptions options) { return Replay(log, bus, options).run(); }

ReplayAccount replay(const std::filesystem::path& path, Bus& bus, ReplayOptions options) {
  LogReader log(path);
  return replay(log, bus, options);
}

}  // namespace sidestep
