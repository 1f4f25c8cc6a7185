#include <sidestep/trainer/run_folder.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sidestep/trainer/control/atomic_file.hpp>

namespace sidestep {
namespace {

namespace fs = std::filesystem;

template <class... Values>
[[noreturn]] void refuse_folder(const fs::path& where, fmt::format_string<Values...> why, Values&&... values) {
  throw RunFolderError(fmt::format("{}: {}", where.string(), fmt::format(why, std::forward<Values>(values)...)));
}

/// Its default would be another run's.
[[noreturn]] void refuse_config(const fs::path& file, std::string_view missing) {
  throw ConfigError(fmt::format("{}: has no '{}', which the run began with. Put it back as it was, or begin a new run.",
                                file.string(), missing));
}

/// What it is, isn't for us to see.
bool is_closed(const fs::path& path) { return ::access(path.c_str(), R_OK) != 0 && errno == EACCES; }

/// Without a '/' at the end, which would make its last part empty.
fs::path tidy(const fs::path& path) {
  const fs::path normal = path.lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

bool something_at(const fs::path& path) {
  std::error_code failed;
  return fs::symlink_status(path, failed).type() != fs::file_type::not_found && !failed;
}

/// A config.toml that we wrote; one that was edited to the first line is known by the folder of checkpoints beside it.
bool is_run(const fs::path& folder) {
  std::error_code failed;
  if (!fs::is_regular_file(folder / "config.toml", failed)) return false;
  std::string line;
  std::ifstream in(folder / "config.toml");
  return (std::getline(in, line) && line == config_first_line) || fs::is_directory(folder / "checkpoints", failed);
}

/// Makes the folder and those on the way to it, and adds each to `made`.
void make_folders(const fs::path& folder, std::vector<fs::path>& made) {
  if (folder.has_parent_path() && !something_at(folder.parent_path())) make_folders(folder.parent_path(), made);
  std::error_code failed;
  const bool is_new = fs::create_directory(folder, failed);
  if (failed) throw FileError(folder, "be made", failed.value());
  if (is_new) made.push_back(folder);
}

/// Throws where no file can be made: at the run's end it would be too late.
void try_to_write_in(const fs::path& folder) {
  try {
    const AtomicFile probe(folder / "probe");
  } catch (const FileError& error) {
    throw FileError(folder, "be written to", error.code());
  }
}

fs::path unused_name() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  const std::string time = fmt::format("{:%Y-%m-%d_%H-%M-%S}", fmt::localtime(now));
  fs::path path = fs::path(RunFolder::root) / time;
  for (int count = 2; something_at(path); ++count) path = fs::path(RunFolder::root) / fmt::format("{}_{}", time, count);
  return path;
}

fs::path newest_to_resume() {
  std::optional<fs::path> newest = RunFolder::newest();
  if (!newest && is_closed(RunFolder::root)) refuse_folder(RunFolder::root, "can't be read. Check its permissions.");
  if (!newest)
    refuse_folder(RunFolder::root, "there is no run to resume. Begin one without --resume, or name one with --out.");
  return *std::move(newest);
}

}  // namespace

std::optional<fs::path> RunFolder::newest() {
  std::optional<std::pair<fs::file_time_type, fs::path>> newest;
  std::error_code failed;
  for (fs::directory_iterator entry(root, failed), end; !failed && entry != end; entry.increment(failed)) {
    if (entry->path().filename().string().starts_with('.') || !is_run(entry->path())) continue;
    std::pair candidate{fs::last_write_time(entry->path() / "config.toml", failed), entry->path()};
    if (!failed && (!newest || candidate > *newest)) newest = std::move(candidate);
  }
  return newest ? std::optional(std::move(newest->second)) : std::nullopt;
}

RunFolder RunFolder::create(const std::optional<fs::path>& wanted, const RunConfig& config) {
  if (wanted && wanted->empty()) throw RunFolderError("--out: is empty. Name a folder.");
  RunFolder folder(wanted ? tidy(*wanted) : unused_name());
  const fs::path final_path = folder.path_;
  const auto refuse_existing = [&] {
    if (is_run(folder.path_))
      refuse_folder(folder.path_,
                    "holds a run already. Go on with it with --resume, or choose another folder with --out.");
    refuse_folder(folder.path_, "exists already. Choose another folder with --out.");
  };
  if (something_at(folder.path_)) refuse_existing();
  // It appears whole, with its config.toml: whoever is killed on the way has made no run, and nothing is in the way of
  // the next.
  if (final_path.has_parent_path() && !something_at(final_path.parent_path()))
    make_folders(final_path.parent_path(), folder.made_);
  folder.path_ = final_path.parent_path() / fmt::format(".{}.{}.new", final_path.filename().string(), ::getpid());
  try {
    make_folders(folder.path_, folder.made_);
    folder.lock();
    std::vector<fs::path> inside;
    make_folders(folder.checkpoints(), inside);
    folder.store(config);
  } catch (const FileError& error) {
    throw FileError(final_path, "be made", error.code());
  }
  // another process may have made it since we looked; then it isn't ours
  if (::renameat2(AT_FDCWD, folder.path_.c_str(), AT_FDCWD, final_path.c_str(), RENAME_NOREPLACE) != 0) {
    if (errno != EEXIST) throw FileError(final_path, "be made", errno);
    const fs::path ours = std::exchange(folder.path_, final_path);
    try {
      refuse_existing();
    } catch (...) {
      folder.path_ = ours;
      throw;
    }
  }
  folder.path_ = folder.made_.back() = final_path;
  return folder;
}

RunFolder RunFolder::resume(const std::optional<fs::path>& wanted) {
  RunFolder folder(wanted ? tidy(*wanted) : newest_to_resume());
  if (is_closed(folder.path_) || is_closed(folder.config_file()))
    refuse_folder(folder.path_, "can't be read. Check its permissions.");
  if (!something_at(folder.path_))
    refuse_folder(folder.path_, "there is no such run. Name the folder of one with --out.");
  if (!is_run(folder.path_))
    refuse_folder(folder.path_,
                  "isn't a run of Sidestep: it has no config.toml of one. Name the folder of one with --out.");
  folder.lock();
  static_cast<void>(folder.stored_config());  // throws, before anything is changed
  try_to_write_in(folder.path_);
  if (std::error_code failed; fs::is_directory(folder.report_file(), failed))
    throw FileError(folder.report_file(), "be written", EISDIR);
  make_folders(folder.checkpoints(), folder.made_);
  try_to_write_in(folder.checkpoints());
  remove_stale_temporaries(folder.path_);
  remove_stale_temporaries(folder.checkpoints());
  return folder;
}

RunFolder::RunFolder(RunFolder&& other) noexcept
    : path_(std::move(other.path_)),
      made_(std::exchange(other.made_, {})),
      config_before_(std::exchange(other.config_before_, {})),
      lock_(std::exchange(other.lock_, -1)) {}

RunFolder::~RunFolder() {
  if (config_before_) try {
      write_file_atomically(config_file(), *config_before_);
    } catch (const FileError&) {  // then the options are those that were asked for
    }
  std::error_code ignored;
  if (!made_.empty() && made_.back() == path_) fs::remove_all(path_, ignored);
  // outer folders only while they are empty: somebody else may have used them meanwhile
  for (auto each = made_.rbegin(); each != made_.rend(); ++each) fs::remove(*each, ignored);
  if (lock_ >= 0) ::close(lock_);
}

fs::path RunFolder::next_event_log() const {
  fs::path file = path_ / "events.log";
  std::error_code ignored;
  for (int number = 2; fs::exists(file, ignored); ++number)
    file = path_ / ("events-" + std::to_string(number) + ".log");
  return file;
}

void RunFolder::lock() {
  // advisory, and gone with the process however it ends
  lock_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ < 0) throw FileError(path_, "be opened", errno);
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    refuse_folder(path_, "another process is at work on this run. Wait for its end, or end it.");
}

RunConfig RunFolder::stored_config() const {
  const GivenOptions given = read_config_file(config_file());
  RunConfig config;
  for (const ConfigOption& option : config_options()) {
    const bool is_always_written = option.kind == OptionKind::list || !option.get(config).empty();
    if (is_always_written && !given.contains(std::string(option.key))) refuse_config(config_file(), option.key);
  }
  apply(config, given, fmt::format("{}: ", config_file().string()));
  return config;
}

void RunFolder::store(const RunConfig& config) {
  if (std::ifstream in(config_file()); in && !config_before_)
    config_before_.emplace(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  write_file_atomically(config_file(), config_text(config));
}

}  // namespace sidestep
