// sidestep log info|cat|tail|verify|slice|export FILE
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include <fmt/format.h>
#include <sidestep/bus/log_sink.hpp>
#include <sidestep/bus/subscription.hpp>
#include <sidestep/trainer/command/exit_code.hpp>
#include <sidestep/trainer/command/log_selection.hpp>
#include <sidestep/trainer/command/log_text.hpp>
#include <sidestep/trainer/command/subcommand.hpp>
#include <sidestep/trainer/config.hpp>
#include <sidestep/trainer/control/atomic_file.hpp>
#include <sidestep/trainer/control/nearest.hpp>

namespace sidestep {
namespace {

namespace fs = std::filesystem;

/// Says how far a long reading has come, when it has taken two seconds.
class ReadingProgress {
 public:
  ReadingProgress(const LogReader& log, std::ostream& err)
      : log_(log), size_(std::max<std::uint64_t>(log.file_size(), 1)), err_(err) {}
  ~ReadingProgress() {
    if (said_ && terminal_) err_ << "\r\x1b[K" << std::flush;
  }
  void operator()() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return;
    next_ = now + (terminal_ ? std::chrono::milliseconds(500) : std::chrono::seconds(10));
    said_ = true;
    const double share = std::min(1.0, static_cast<double>(log_.block_offset()) / static_cast<double>(size_));
    err_ << (terminal_ ? "\r" : "")
         << fmt::format("{}: {:3.0f}% of {:.1f} MB", log_.path().string(), 100 * share,
                        static_cast<double>(size_) / 1e6)
         << (terminal_ ? "" : "\n") << std::flush;
  }

 private:
  const LogReader& log_;
  const std::uint64_t size_;
  std::ostream& err_;
  const bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  bool said_ = false;
  std::chrono::steady_clock::time_point next_ = std::chrono::steady_clock::now() + std::chrono::seconds(2);
};

std::string described(LogEnd end, std::uint64_t tail) {
  switch (end) {
    case LogEnd::closed:
      return "closed by its recorder";
    case LogEnd::open:
      return "not closed: it is being written, or its process was killed";
    case LogEnd::torn:
      return fmt::format("within a block that isn't whole ({} bytes): it is being written, or its process was killed",
                         tail);
    case LogEnd::damaged:
      return "damaged";
  }
  return {};
}

std::string blocks_named(const LogDamage& damage) {
  return damage.first_block == damage.last_block
             ? fmt::format("block {}", damage.first_block)
             : fmt::format("blocks {} to {}", damage.first_block, damage.last_block);
}

/// Names what couldn't be read. The exit code.
int complain(const LogReader& log, std::ostream& err) {
  const std::vector<LogDamage> damage = log.damage();
  for (const LogDamage& one : damage)
    err << fmt::format(
        "sidestep: {}: {} {} {}; all else was read.\n", log.path().string(), blocks_named(one),
        one.first_block == one.last_block ? "is" : "are",
        one.bytes == 0 ? std::string("missing") : fmt::format("damaged ({} bytes at {})", one.bytes, one.offset));
  return damage.empty() ? exit_well : exit_incomplete;
}

std::string_view stream_name(Stream stream) { return stream == Stream::trainer ? "trainer" : "others"; }

/// The log that is meant, where a run's folder was named.
[[noreturn]] void refuse_folder(const std::string& folder) {
  const fs::path log = fs::path(folder) / "events.log";
  std::error_code failed;
  throw ConfigError(
      fs::exists(log, failed)
          ? fmt::format("{}: is a folder. Name the log in it: {}.", folder, log.string())
          : fmt::format("{}: is a folder without an events.log. Name a log: `sidestep train` without --no-record "
                        "writes one.",
                        folder));
}

class LogCommand : public Subcommand {
 public:
  std::string name() const override { return "log"; }
  std::string summary() const override {
    return "read the event log of a recorded run: info, cat, tail, verify, slice, export";
  }
  std::string details() const override {
    return "info says what is in a log; cat prints its events, one a line; tail the last of them, and with -f those "
           "that come, until "
           "the log is closed; verify checks every block; slice writes some events to a new log; export writes them as "
           "CSV or JSON "
           "lines. Damaged blocks are named and passed over: then the exit code is 3.\n"
           "\n"
           "  sidestep log info runs/a/events.log\n"
           "  sidestep log cat runs/a/events.log --from 100 --to 200\n"
           "  sidestep log tail runs/a/events.log -f\n"
           "  sidestep log slice runs/a/events.log --by time --from +60 -o part.log\n"
           "  sidestep log export runs/a/events.log --type Metric --format csv";
  }
  void declare(CLI::App& app) override {
    app.add_option("action", action_, "info, cat, tail, verify, slice or export")->required();
    app.add_option("file", file_, "the log")->required();
    app.add_option("--from", selection_.from, "the first step, or what --by says")->type_name("PLACE");
    app.add_option("--to", selection_.to, "the last one")->type_name("PLACE");
    app.add_option("--by", selection_.by,
                   "step; time (2026-01-31T23:59:58Z, or +SECONDS since the log's begin); sequence (in one ring)")
        ->type_name("WHAT")
        ->default_str("step");
    app.add_option("--ring", selection_.rings, "only events of this producer; repeatable")
        ->type_name("NAME")
        ->allow_extra_args(false);
    app.add_option("--type", selection_.types, "only events of this type; repeatable")
        ->type_name("NAME")
        ->allow_extra_args(false);
    app.add_option("--format", format_, "of export: csv or jsonl")->type_name("NAME");
    app.add_option("-o,--out", out_, "of slice and export: the new file (export: default standard output)")
        ->type_name("FILE");
    app.add_option("-n,--lines", lines_, "of tail: how many of the last events")->type_name("N")->default_str("10");
    app.add_flag("-f,--follow", follow_, "of tail: go on with what is recorded from now on")->disable_flag_override();
    app_ = &app;
  }

  int run(Streams streams) override {
    constexpr std::array<std::string_view, 6> actions{"info", "cat", "tail", "verify", "slice", "export"};
    if (std::ranges::find(actions, action_) == actions.end())
      throw ConfigError(fmt::format("log {}: there is no such action. {}", action_, did_you_mean(action_, actions)));
    refuse_foreign_options();
    std::error_code failed;
    if (fs::is_directory(file_, failed)) refuse_folder(file_);
    LogReader log(file_);
    if (action_ == "info") return info(log, streams);
    if (action_ == "verify") return verify(log, streams);
    if (action_ == "tail") return tail(log, streams);
    if (action_ == "slice") return slice(log, streams);
    if (action_ == "export") return export_to(log, streams);
    LogLines lines(log.catalog());
    return print(log, lines, streams.out, streams.err);
  }

 private:
  /// An option that means nothing for this action is refused, rather than ignored.
  void refuse_foreign_options() const {
    const std::map<std::string, std::vector<std::string_view>> takes{{"--from", {"cat", "slice", "export"}},
                                                                     {"--to", {"cat", "slice", "export"}},
                                                                     {"--by", {"cat", "slice", "export"}},
                                                                     {"--ring", {"cat", "tail", "slice", "export"}},
                                                                     {"--type", {"cat", "tail", "slice", "export"}},
                                                                     {"--format", {"export"}},
                                                                     {"--out", {"slice", "export"}},
                                                                     {"--lines", {"tail"}},
                                                                     {"--follow", {"tail"}}};
    for (const auto& [option, actions] : takes)
      if (app_->count(option) > 0 && std::ranges::find(actions, action_) == actions.end())
        throw ConfigError(fmt::format("log {}: takes no {}. See `sidestep log --help`.", action_, option));
  }

  int info(LogReader& log, Streams streams) const {
    struct Sum {
      std::uint64_t events = 0, bytes = 0;
    };
    std::map<EventId, Sum> types;
    std::map<std::uint32_t, std::uint64_t> rings;
    std::uint64_t events = 0, blocks = 0, packed = 0;
    Nanoseconds first = std::numeric_limits<Nanoseconds>::max(), final = std::numeric_limits<Nanoseconds>::min();
    Step least = std::numeric_limits<Step>::max(), greatest = std::numeric_limits<Step>::min();
    {
      ReadingProgress progress(log, streams.err);
      while (log.next_block()) {
        const log_format::BlockHeader& block = log.block();
        ++blocks;
        events += block.events;
        packed += (block.flags & log_format::compressed) != 0 ? 1 : 0;
        if (block.events > 0) first = std::min(first, block.earliest), final = std::max(final, block.latest);
        least = std::min(least, block.least_step), greatest = std::max(greatest, block.greatest_step);
        log.events([&](const LoggedEvent& event) {
          Sum& sum = types[event.type];
          ++sum.events;
          sum.bytes += event.size;
          ++rings[event.ring];
        });
        progress();
      }
    }
    const auto row = [&](std::string_view what, const std::string& text) {
      streams.out << fmt::format("{:<10}{}\n", what, text);
    };
    row("log", log.path().string());
    row("begun", utc(log.began()));
    row("ends", described(log.end(), log.tail_bytes()));
    row("size", fmt::format("{} bytes in {} blocks{}", log.file_size(), blocks,
                            packed > 0 ? fmt::format(", {} of them compressed", packed) : ""));
    row("events", fmt::format("{}", events));
    if (events > 0)
      row("time", fmt::format("{} to {} ({:.3f} s)", utc(first), utc(final),
                              (static_cast<double>(final) - static_cast<double>(first)) / 1e9));
    if (least <= greatest) row("steps", fmt::format("{} to {}", least, greatest));
    for (const auto& [id, count] : rings) {
      const auto known = log.catalog().rings().find(id);
      row("ring", fmt::format("{} ({}): {} events", log.catalog().ring_name(id),
                              known != log.catalog().rings().end() ? stream_name(known->second.stream) : "?", count));
    }
    for (const auto& [id, sum] : types)
      row("type",
          fmt::format("{} (id {}): {} events, {} bytes", log.catalog().type_name(id), id, sum.events, sum.bytes));
    return complain(log, streams.err);
  }

  int verify(LogReader& log, Streams streams) const {
    std::uint64_t blocks = 0, events = 0;
    {
      ReadingProgress progress(log, streams.err);
      while (log.next_block()) {
        ++blocks;
        log.events([&](const LoggedEvent&) { ++events; });
        progress();
      }
    }
    const int code = complain(log, streams.err);
    streams.out << fmt::format(
        "{}: {} blocks with {} events are whole; it ends {}.\n", log.path().string(), blocks, events,
        log.end() == LogEnd::damaged ? "with a damaged block" : described(log.end(), log.tail_bytes()));
    return code;
  }

  /// Throws if it can't: whoever goes on would say nothing for a long time.
  void write(std::ostream& out, const std::string& lines) const {
    errno = 0;
    out << lines << std::flush;
    if (!out)
      throw std::runtime_error(
          FileError(out_.empty() ? "standard output" : out_, "be written", errno != 0 ? errno : EIO).what());
  }

  /// What is asked for, as text.
  int print(LogReader& log, LogText& text, std::ostream& out, std::ostream& err) const {
    LogPick pick(log, selection_);
    std::string lines = text.head();
    {
      ReadingProgress progress(log, err);
      pick.for_each([&](const LoggedEvent& event) { text.line(lines, event); },
                    [&] {
                      write(out, lines);
                      lines.clear();
                      progress();
                    });
    }
    write(out, lines);
    return complain(log, err);
  }

  int tail(LogReader& log, Streams streams) const {
    if (lines_ < 0) throw ConfigError(fmt::format("--lines {}: must be a whole number, 0 or more.", lines_));
    LogPick pick(log, selection_);
    LogLines text(log.catalog());
    const auto wanted = static_cast<std::size_t>(lines_);
    // the last blocks hold the last events: more of them are read until there are enough
    const std::size_t blocks = log.index().size();
    std::vector<std::string> last;
    for (std::size_t some = 1;; some *= 4) {
      last.clear();
      log.go_to_block(blocks > some ? blocks - some : 0);
      log.for_each([&](const LoggedEvent& event) {
        if (!pick.wants(event)) return;
        text.line(last.emplace_back(), event);
      });
      if (last.size() >= wanted || some >= blocks) break;
    }
    for (std::size_t i = last.size() - std::min(wanted, last.size()); i < last.size(); ++i) streams.out << last[i];
    streams.out << std::flush;
    while (follow_ && log.end() != LogEnd::closed) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      std::string news;
      log.for_each([&](const LoggedEvent& event) {
        if (pick.wants(event)) text.line(news, event);
      });
      streams.out << news << std::flush;
      if (!streams.out) return exit_well;  // nobody reads any more
    }
    return complain(log, streams.err);
  }

  int slice(LogReader& log, Streams streams) const {
    if (out_.empty()) throw ConfigError("log slice: say with -o FILE where the new log goes.");
    LogPick pick(log, selection_);
    log.read_definitions();
    LogSink sink(out_, log.began());
    try {
      sink.define(log.catalog());
      ReadingProgress progress(log, streams.err);
      pick.for_each([&](const LoggedEvent& event) { sink.add(event); }, progress);
      sink.close();
    } catch (const LogError& error) {
      std::error_code ignored;
      fs::remove(out_, ignored);
      throw std::runtime_error(error.what());
    }
    streams.out << fmt::format("{}: {} events\n", out_, sink.events());
    return complain(log, streams.err);
  }

  int export_to(LogReader& log, Streams streams) const {
    if (format_ != "csv" && format_ != "jsonl")
      throw ConfigError(format_.empty()
                            ? std::string("log export: say with --format csv or --format jsonl what to write.")
                            : fmt::format("--format {}: must be csv or jsonl.", format_));
    log.read_definitions();
    std::unique_ptr<LogText> text;
    if (format_ == "csv")
      text = std::make_unique<LogCsv>(log.catalog(), selection_.types);
    else
      text = std::make_unique<LogJsonl>(log.catalog());
    if (out_.empty()) return print(log, *text, streams.out, streams.err);
    std::error_code failed;
    if (fs::exists(out_, failed)) throw ConfigError(fmt::format("{}: exists already. Choose another name.", out_));
    errno = 0;
    std::ofstream file(out_, std::ios::binary);
    if (!file) throw FileError(out_, "be written", errno != 0 ? errno : EIO);
    try {
      return print(log, *text, file, streams.err);
    } catch (...) {
      fs::remove(out_, failed);
      throw;
    }
  }

  CLI::App* app_ = nullptr;
  std::string action_, file_, format_, out_;
  LogSelection selection_;
  std::int64_t lines_ = 10;
  bool follow_ = false;
};

}  // namespace

std::unique_ptr<Subcommand> log_command() { return std::make_unique<LogCommand>(); }

}  // namespace sidestep
