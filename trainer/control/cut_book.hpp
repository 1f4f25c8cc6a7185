#pragma once

#include <sidestep/bus/bus.hpp>
#include <sidestep/trainer/control/control_core.hpp>
#include <sidestep/trainer/control/pending.hpp>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace sidestep::detail {

/// A name under which a cut is saved, and who asked for it.
struct SavedName {
  std::string file;
  std::optional<Step> cause_step;
  bool last = false;
};

/// A checkpoint from its cut until it is on disk.
struct OpenCut {
  Cut cut;
  Sequence boundary = 0;            ///< number of the last event before it that a boundary follows; the trainer's alone
  Sequence barrier = ~Sequence{0};  ///< number of its Barrier; the trainer's alone
  std::vector<SavedName> names;     ///< in order of becoming visible
  std::vector<Taken> pending;       ///< the trainer's alone until it is sealed
  CheckpointState state;            ///< the trainer's part of it
  CheckpointWriter writer;
  Nanoseconds begun = 0;
  bool out() const noexcept {
    return barrier != ~Sequence{0};
  }  ///< its Barrier has been published; the trainer's alone

  struct Part {
    std::vector<std::byte> state;
    bool answered = false;
  };
  struct Expected {
    Handle pipeline;
    std::uint32_t rank = 0;
    std::vector<Part> parts;
    std::uint64_t requests = 0;
    bool silent = false;  ///< it has not answered within the deadline
    bool answered() const noexcept;
  };
  // guarded by the book's mutex
  std::vector<Expected> expected;
  bool sealed = false;
  bool opened = false;  ///< its Barrier is out
};

/// Where pipelines hand over their states at a Barrier and get them back on resuming; where the trainer opens and seals
/// cuts, and the writer waits for them. States come on the threads that own them.
class CutBook final : public CutSink {
 public:
  CutBook(ControlCore& core, std::chrono::nanoseconds deadline) : core_(core), deadline_(deadline.count()) {}

  // the trainer
  void open(std::shared_ptr<OpenCut> cut);
  void publish_done(OpenCut& cut);  ///< its Barrier is out: the deadline for answers begins
  void seal(OpenCut& cut);
  /// No further cuts. The writer leaves when all are done.
  void close();
  /// Nobody answers any more (the bus is closed, or its dispatcher hangs).
  void give_up();
  std::vector<Handle> take_silent();
  void load(const CheckpointState& state);
  /// Keys whose pipeline began anew, and keys of the checkpoint that no pipeline has asked for.
  std::pair<std::vector<std::string>, std::vector<std::string>> restored() const;

  // the writer
  /// The next cut that is sealed and answered, in the order of the cuts; null: closed. Its state is complete then.
  std::shared_ptr<OpenCut> next();

  // pipelines
  void answer(std::uint64_t cut, Subscription& from, unsigned part, std::vector<std::byte> state) override;
  bool restore(Subscription& to, unsigned part, std::vector<std::byte>& state) override;

 private:
  bool complete(OpenCut& cut);
  static void finish_state(OpenCut& cut);

  ControlCore& core_;
  const Nanoseconds deadline_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<OpenCut>> open_;  // in order of the cuts
  std::vector<Handle> silent_;
  bool closed_ = false, given_up_ = false;
  std::map<std::string, PipelineState> saved_;  // of the checkpoint that the run goes on from
  std::set<std::string> anew_, found_;
  bool loaded_ = false;
};

}  // namespace sidestep::detail
