#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <sidestep/bus/bus.hpp>
#include <sidestep/bus/types.hpp>

namespace sidestep {

/// How well the network does on some samples.
struct Score {
  double loss = 0;      ///< mean over the samples, in nats
  double accuracy = 0;  ///< in [0, 1]
  friend bool operator==(const Score&, const Score&) = default;
};

/// One epoch of a run, as the report has it.
struct EpochResult {
  Epoch epoch = 0;
  Step step = 0;       ///< its last
  double seconds = 0;  ///< of training steps, boundaries included, validation excluded; 0: not known any more
  std::int64_t samples = 0;
  double learning_rate = 0;    ///< of its last step
  Score train{};               ///< means over the samples as they were trained
  std::optional<Score> val{};  ///< none: cut short
  bool partial = false;
  friend bool operator==(const EpochResult&, const EpochResult&) = default;
};

/// What a run came to: the parts that programs ask for, and all of report.json.
struct TrainingReport {
  std::string state = "running";  ///< then "finished", "interrupted" or "failed"
  std::vector<EpochResult> epochs{};
  std::optional<Score> test{};  ///< none after an interruption
  nlohmann::ordered_json json{};

  /// A sentence for each callback that failed, checkpoint that wasn't saved, report that couldn't be written, decision
  /// that nobody carried out.
  std::vector<std::string> failed() const;
  /// Sentences that name no failure, and that somebody may want to read: of resuming, of what was hung on the run and
  /// heard nothing.
  std::vector<std::string> warnings() const;
  /// Adds such a sentence, once however often it is said: a disk that is full stays so.
  void note_failure(const std::string& sentence);
  /// Counts anew what the bus has delivered meanwhile: behind Bus::close().
  void refresh(const Bus& bus);
  /// Replaces `file` by this report, whole or not at all. Throws FileError.
  void write(const std::filesystem::path& file) const;
};

nlohmann::ordered_json to_json(const Score& score);
nlohmann::ordered_json to_json(const EpochResult& row);

/// The epochs of a report that an earlier process wrote; none if there is no such file or it isn't one.
std::vector<EpochResult> read_epochs(const std::filesystem::path& report);

}  // namespace sidestep
