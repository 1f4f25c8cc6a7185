#include <sidestep/trainer/control/checkpoint_writer.hpp>

#include <sidestep/trainer/control/atomic_file.hpp>

#include <system_error>

namespace sidestep::detail {

FileWriter::FileWriter(Bus& bus, CutBook& book, std::filesystem::path folder, const std::string& last,
                       std::function<void(const Cut&)> before_visible)
    : bus_(bus), book_(book), folder_(std::move(folder)), before_visible_(std::move(before_visible)) {
  std::error_code unknown;
  any_last_ = !last.empty() && std::filesystem::exists(folder_ / last, unknown);
}

FileWriter::~FileWriter() { join(); }

void FileWriter::start() {
  if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
}

void FileWriter::join() {
  if (thread_.joinable()) thread_.join();
}

std::string FileWriter::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

void FileWriter::work() {
  const BusThread never_waits;  // CheckpointSaved may spill, it never stands in a ring's way
  while (const std::shared_ptr<OpenCut> cut = book_.next()) {
    try {
      write(*cut);
    } catch (const std::exception& error) {
      fail(*cut, error.what());
    } catch (...) {
      fail(*cut, "its writer threw something that is no std::exception");
    }
  }
}

void FileWriter::write(OpenCut& cut) {
  std::filesystem::create_directories(folder_);
  std::vector<std::filesystem::path> also;
  bool last = false;
  for (std::size_t i = 0; i + 1 < cut.names.size(); ++i) also.push_back(folder_ / cut.names[i].file);
  for (const SavedName& name : cut.names) last |= name.last;
  AtomicFile file(folder_ / cut.names.back().file);
  cut.writer(file.temporary(), cut.state);
  std::error_code unknown;
  const auto bytes = std::filesystem::file_size(file.temporary(), unknown);
  const bool sized = !unknown;
  if (before_visible_) before_visible_(cut.cut);
  file.commit(also);
  any_last_ |= last;
  // A run that never saves a `last` can only go on from one of these files, and each knows its own. One that couldn't be
  // written, for want of room, supersedes nothing.
  if (last || !any_last_)
    for (const auto& [gone, by] : cut.state.superseded)
      if (std::filesystem::exists(folder_ / by, unknown)) std::filesystem::remove(folder_ / gone, unknown);
  const double seconds = static_cast<double>(Clock::steady() - cut.begun) / 1e9;
  if (bus_.closed()) return;
  for (const SavedName& name : cut.names)
    bus_.publish(CheckpointSaved{.step = cut.cut.step,
                                 .cause_step = name.cause_step.value_or(-1),
                                 .bytes = sized ? static_cast<std::int64_t>(bytes) : 0,
                                 .seconds = seconds,
                                 .file = intern(name.file)});
}

void FileWriter::fail(const OpenCut& cut, const std::string& why) {
  {
    const std::lock_guard lock(mutex_);
    error_ = "checkpoint of step " + std::to_string(cut.cut.step) + " was not saved: " + why;
  }
  failures_.fetch_add(1, std::memory_order_release);  // pairs with failures()
}

}  // namespace sidestep::detail
