#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace sidestep {

/// What callbacks want said at a run's end without having failed. Whatever has the same cause becomes one sentence.
/// Any thread.
class Notes {
 public:
  /// "No whole epoch ran", "early_stopping never saw val/loss"
  void add(const std::string& cause, const std::string& what) {
    const std::lock_guard lock(mutex_);
    notes_[cause].insert(what);
  }

  /// "No whole epoch ran: early_stopping never saw val/loss, model_checkpoint never saw val/accuracy."
  std::vector<std::string> sentences() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> all;
    for (const auto& [cause, those] : notes_) {
      std::string sentence = cause;
      const char* before = ": ";
      for (const std::string& what : those) {
        sentence += before + what;
        before = ", ";
      }
      all.push_back(sentence + ".");
    }
    return all;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::set<std::string>> notes_;  // sorted: equal runs say the same
};

}  // namespace sidestep
