#pragma once

#include <sidestep/trainer/control/cut_book.hpp>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sidestep::detail {

/// Puts complete cuts on disk, in the order of the cuts, on a thread of its own that exists from the first cut on.
///
/// Promise: a name in the folder is always a whole checkpoint; one that refers to another is never visible before it; a
/// superseded file goes only when what supersedes it, and a `last` that knows so, are visible.
class FileWriter {
 public:
  /// `last`: the name from which a run goes on; empty: none.
  FileWriter(Bus& bus, CutBook& book, std::filesystem::path folder, const std::string& last,
             std::function<void(const Cut&)> before_visible);
  ~FileWriter();

  /// A `last` is visible: of an earlier process, or of this one. Before start().
  bool any_last() const noexcept { return any_last_; }
  void there_is_a_last() noexcept { any_last_ = true; }

  void start();
  /// Waits until every cut that was opened is on disk or given up. Behind CutBook::close().
  void join();
  std::uint64_t failures() const noexcept { return failures_.load(std::memory_order_acquire); }  // pairs with fail()
  /// A sentence for each that couldn't be written; of many the first ones.
  std::vector<std::string> errors() const;

 private:
  void work();
  void write(OpenCut& cut);
  void fail(const OpenCut& cut, const std::string& why);

  Bus& bus_;
  CutBook& book_;
  const std::filesystem::path folder_;
  const std::function<void(const Cut&)> before_visible_;
  std::thread thread_;
  bool any_last_ = false;  // the trainer's before start(), then the writer's
  std::atomic<std::uint64_t> failures_{0};
  mutable std::mutex mutex_;  // guards errors_
  std::vector<std::string> errors_;
};

}  // namespace sidestep::detail
