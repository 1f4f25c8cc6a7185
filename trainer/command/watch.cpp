// sidestep watch [RUN]
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sidestep/bus/event.hpp>
#include <sidestep/bus/events.hpp>
#include <sidestep/bus/watcher.hpp>
#include <sidestep/trainer/callbacks/progress.hpp>
#include <sidestep/trainer/command/exit_code.hpp>
#include <sidestep/trainer/command/log_text.hpp>
#include <sidestep/trainer/command/subcommand.hpp>
#include <sidestep/trainer/config.hpp>
#include <sidestep/trainer/run_folder.hpp>

namespace sidestep {
namespace {

namespace fs = std::filesystem;

/// What its report says: "running", "finished", "interrupted", "failed"; empty: it has none that can be read.
std::string state_of(const fs::path& run) {
  std::ifstream file(run / "report.json");
  const auto report = nlohmann::json::parse(file, nullptr, false);
  const auto state = report.is_object() ? report.find("state") : report.end();
  return report.is_object() && state != report.end() && state->is_string() ? state->get<std::string>() : std::string();
}

/// The run to be watched. Throws RunFolderError.
fs::path run_to_watch(const std::string& wanted) {
  fs::path run = wanted;
  if (wanted.empty()) {
    const auto newest = RunFolder::newest();
    if (!newest)
      throw RunFolderError(
          fmt::format("{}: there is no run. Begin one with `sidestep train`, or name one.", RunFolder::root));
    run = *newest;
  }
  std::error_code failed;
  const bool is_run = fs::is_regular_file(run / "config.toml", failed);
  if (failed == std::errc::permission_denied)
    throw RunFolderError(fmt::format("{}: you may not look into it. Only its owner can watch a run.", run.string()));
  if (is_run) return run;
  if (!fs::exists(run, failed))
    throw RunFolderError(fmt::format("{}: there is no such run. Name the folder of one.", run.string()));
  throw RunFolderError(
      fmt::format("{}: isn't a run of Sidestep: it has no config.toml. Name the folder of one.", run.string()));
}

/// One sentence on a run that nobody shares.
std::string not_live(const fs::path& run) {
  const std::string state = state_of(run);
  if (state == "finished") return fmt::format("{}: isn't live: it finished. Its report.json says how.", run.string());
  if (state == "interrupted" || state == "failed")
    return fmt::format("{}: isn't live: it {}. Go on with it with `sidestep train --resume --out {}`.", run.string(),
                       state == "failed" ? "failed" : "was interrupted", run.string());
  return fmt::format(
      "{}: isn't live, or can't be watched: its process was killed, or runs with --no-share, or begins just now.",
      run.string());
}

/// Another process' events as this one's own: types as they are known here, names by their numbers here.
class Translation {
 public:
  explicit Translation(const LogCatalog& catalog) : catalog_(catalog) {}

  /// Nothing: its type isn't what it is here.
  std::optional<Slot> operator()(const LoggedEvent& event) {
    const LoggedType* const theirs = catalog_.type(event.type);
    const EventInfo* const ours = find_event(event.type);
    if (theirs == nullptr || ours == nullptr || event.size != ours->size || !same(*theirs, *ours)) return std::nullopt;
    Slot slot{.sequence = event.sequence,
              .stamp = event.stamp,
              .body = {},
              .type = event.type,
              .size = static_cast<std::uint8_t>(event.size),
              .check = check_of(event.sequence),
              .ring = event.ring};
    std::memcpy(slot.body, event.body, event.size);
    for (const FieldLayout& field : theirs->fields) {  // within the event's size, as the catalog has seen to
      if (field.kind == FieldKind::boolean)
        slot.body[field.offset] = std::byte{slot.body[field.offset] != std::byte{0}};
      if (field.kind != FieldKind::name) continue;
      std::uint32_t id = 0;
      std::memcpy(&id, slot.body + field.offset, sizeof id);
      const Name name = intern(catalog_.name(id));
      std::memcpy(slot.body + field.offset, &name.id, sizeof name.id);
    }
    return slot;
  }

 private:
  bool same(const LoggedType& theirs, const EventInfo& ours) {
    const auto [found, is_new] = same_.try_emplace(theirs.id, false);
    if (is_new)
      found->second = theirs.size == ours.size && theirs.name == ours.name && ours.layout != nullptr && !ours.refers &&
                      theirs.fields == ours.layout(nullptr);
    return found->second;
  }

  const LogCatalog& catalog_;
  std::map<EventId, bool> same_;
};

/// The lines of the callback `progress`, of somebody else's run.
class WatchedProgress {
 public:
  WatchedProgress(const LogCatalog& catalog, Epoch epochs, bool terminal, int columns, std::ostream& out)
      : translated_(catalog),
        gate_(terminal ? 100'000'000 : 10'000'000'000, /*says_rate=*/true),
        printer_([&out](std::string_view text) { out << text << std::flush; }, terminal, columns),
        epochs_(epochs) {}

  void operator()(const LoggedEvent& event) {
    const std::optional<Slot> slot = translated_(event);
    if (!slot) return;
    if (!std::exchange(begun_, true) &&
        slot->type != FitBegin::id) {  // whoever comes later hasn't seen the run's begin
      Slot begin{.sequence = 0,
                 .stamp = slot->stamp,
                 .body = {},
                 .type = FitBegin::id,
                 .size = sizeof(FitBegin),
                 .check = check_of(0),
                 .ring = 0};
      const FitBegin made{.epochs = epochs_};
      std::memcpy(begin.body, &made, sizeof made);
      feed(begin);
    }
    feed(*slot);
  }
  void end() { printer_.end(); }

 private:
  struct Out {
    ProgressPrinter& to;
    Nanoseconds at;
    Nanoseconds stamp() const { return at; }
    void operator()(const ProgressPoint& point) const { to(point); }
  };
  void feed(const Slot& slot) {
    constexpr std::array shown{FitBegin::id,        EpochBegin::id, BatchEnd::id, Metric::id,
                               ValidationBegin::id, EpochEnd::id,   TestEnd::id,  FitEnd::id};
    if (std::ranges::find(shown, slot.type) != shown.end()) gate_(ProgressGate::In(slot), Out{printer_, slot.stamp});
  }

  Translation translated_;
  ProgressGate gate_;
  ProgressPrinter printer_;
  const Epoch epochs_;
  bool begun_ = false;
};

class WatchCommand : public Subcommand {
 public:
  std::string name() const override { return "watch"; }
  std::string summary() const override { return "watch a live run of `sidestep train` from another terminal"; }
  std::string details() const override {
    return "Shows a run that another process trains: a live line on a terminal, plain lines elsewhere; with --events "
           "each event, as "
           "`sidestep log cat` does. It ends with the run. The run neither waits for a watcher nor looks at it; one "
           "that is too slow "
           "is told how many events it missed.\n"
           "\n"
           "  sidestep watch\n"
           "  sidestep watch runs/a --events\n"
           "\n"
           "Exit codes: 0 the run finished, or was interrupted; 2 bad input, or the run isn't live; 4 it failed or was "
           "killed.";
  }
  void declare(CLI::App& app) override {
    app.add_option("run", run_, "the run's folder (default the newest in runs/)");
    app.add_flag("--events", events_, "every event, one a line")->disable_flag_override();
  }

  int run(Streams streams) override {
    const fs::path run = run_to_watch(run_);
    try {
      Watcher watcher(run);
      return watch(run, watcher, streams);
    } catch (const WatchError& error) {
      throw RunFolderError(error.kind() == WatchError::Kind::not_live ? not_live(run) : error.what());
    }
  }

 private:
  int watch(const fs::path& run, Watcher& watcher, Streams streams) const {
    using namespace std::chrono_literals;
    const bool terminal = terminal_for_a_live_line();
    winsize size{};
    const int columns =
        terminal && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
    LogLines lines(watcher.catalog());
    WatchedProgress progress(watcher.catalog(), epochs_of(run), terminal, columns, streams.out);
    std::string text;
    std::uint64_t missed = 0;
    auto nap = 1ms;
    while (!watcher.over() && streams.out) {
      const std::size_t found = watcher.poll([&](const LoggedEvent& event) {
        if (events_)
          lines.line(text, event);
        else
          progress(event);
      });
      streams.out << text << std::flush;
      text.clear();
      if (const std::uint64_t now = watcher.account().missed; events_ && now != missed) {
        streams.err << fmt::format("sidestep: {} events were overwritten before they could be shown.\n", now - missed);
        missed = now;
      }
      nap = found > 0 ? 1ms : std::min(2 * nap, 16ms);
      if (found == 0) watcher.wait(nap);
    }
    progress.end();
    if (!streams.out) return exit_well;  // nobody reads any more
    return say_end(run, watcher, streams);
  }

  static Epoch epochs_of(const fs::path& run) {
    try {
      RunConfig config;
      apply(config, read_config_file(run / "config.toml"), "");
      return static_cast<Epoch>(config.epochs);
    } catch (const std::exception&) {  // of another version, say: then the line doesn't say how many
      return 0;
    }
  }

  int say_end(const fs::path& run, const Watcher& watcher, Streams streams) const {
    const WatchAccount account = watcher.account();
    const std::string state = state_of(run);
    const bool well = watcher.closed() && (state == "finished" || state == "interrupted");
    std::string said = fmt::format("{}: {}", run.string(),
                                   well                                    ? state
                                   : watcher.closed() || state == "failed" ? "failed"
                                                                           : "its process was killed");
    if (account.missed > 0) said += fmt::format("; {} of its events were missed", account.missed);
    if (account.unshared > 0) said += fmt::format("; {} of its producers couldn't be watched", account.unshared);
    (events_ ? streams.err : streams.out) << said << ".\n" << std::flush;
    return well ? exit_well : exit_broken_off;
  }

  std::string run_;
  bool events_ = false;
};

}  // namespace

std::unique_ptr<Subcommand> watch_command() { return std::make_unique<WatchCommand>(); }

}  // namespace sidestep
