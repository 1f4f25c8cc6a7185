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

std::vector<std::string> FileWriter::errors() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> all = errors_;
  if (const std::uint64_t more = failures() - all.size(); more > 0)
    all.push_back(std::to_string(more) + (more == 1 ? " more checkpoint was" : " more checkpoints were") +
                  " not saved.");
  return all;
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
  const std::filesystem::path target = folder_ / cut.names.back().file;
  AtomicFile file(target);
  try {
    cut.writer(file.temporary(), cut.state);
  } catch (const std::exception& error) {  // which speaks of a name that nobody knows
    std::string why = error.what();
    if (const std::string own = file.temporary().string(); why.find(own) != why.npos)
      why.replace(why.find(own), own.size(), target.string());
    throw std::runtime_error(why);
  }
  std::error_code unknown;
  const auto bytes = std::filesystem::file_size(file.temporary(), unknown);
  const bool sized = !unknown;
  if (before_visible_) before_visible_(cut.cut);
  file.commit(also);
  any_last_ |= last;
  // A run that never saves a `last` can only go on from one of these files, and each knows its own. One that couldn't
  // be written, for want of room, supersedes nothing.
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
    constexpr std::size_t most = 100;
    const std::lock_guard lock(mutex_);
    if (errors_.size() < most) {
      std::string names;
      for (const SavedName& name : cut.names) (names += names.empty() ? "" : ", ") += name.file;
      errors_.push_back("checkpoint of step " + std::to_string(cut.cut.step) + " was not saved as " + names + ": " +
                        why);
    }
    failures_.fetch_add(1, std::memory_order_release);  // pairs with failures()
  }
}

}  // namespace sidestep::detail
