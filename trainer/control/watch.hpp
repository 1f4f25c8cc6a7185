#pragma once

#include <sidestep/bus/bus.hpp>
#include <sidestep/trainer/control/control_core.hpp>

#include <functional>
#include <span>
#include <vector>

namespace sidestep::detail {

/// A request that must be in the mailbox isn't, or one was skipped: the run can't go on, since nobody knows what else
/// is lost.
struct MailboxError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The trainer's view of the deciders: the last word seen of each, and how many requests it has taken from each. A word
/// is read again only if the one seen is too small. Nobody else combines words, so no fence is needed anywhere.
class Watch {
 public:
  /// Called when a decider is failed, with who it is and why.
  using OnFail = std::function<void(DeciderEntry& entry, const std::string& why)>;

  Watch(Bus& bus, ControlCore& core, const Producer& producer, std::chrono::nanoseconds deadline, OnFail on_fail);

  void add(DeciderEntry& entry, Sequence passed, bool eager);
  void set_eager(bool eager) noexcept;

  /// Lag: has everybody decided through `need`? Usually one line is read. True: requests wait in the mailbox.
  bool pass(Sequence need) {
    std::uint64_t waiting = 0;
    for (WordView& live : live_) {
      if (!live.reached(need)) [[unlikely]]
        wait(need);
      waiting |= live.waiting();
    }
    return waiting != 0;
  }
  /// Relaxed: what is there? Nobody waits. True: requests wait in the mailbox.
  bool look() noexcept {
    std::uint64_t waiting = 0;
    for (WordView& live : live_) {
      live.look();
      waiting |= live.waiting();
    }
    return waiting != 0;
  }
  /// Waits until everybody has decided through `need`, or is failed.
  void wait(Sequence need);
  bool all_passed(Sequence number) const noexcept;
  /// The number that every live word has passed, as far as it was seen.
  Sequence passed(Sequence last) const noexcept;

  /// Takes every request that the words seen cover, decider by decider, and hands each to `accept`. Throws
  /// MailboxError.
  void take(const std::function<void(Request&&)>& accept);

  /// One slice of a wait for `need`, at a boundary or for room in the ring: looks who is silent for longer than the
  /// deadline, and fails him.
  void slice(Sequence need, Nanoseconds length, bool at_boundary);
  /// Those whose pipeline has failed and whose word hasn't reached `need`: it never will.
  void fail_the_failed(Sequence need);
  void fail(DeciderEntry& entry, const std::string& why);
  DeciderEntry* entry_of(const Subscription& subscription) noexcept;

  std::uint64_t waits() const noexcept { return waits_; }
  Nanoseconds waited() const noexcept { return waited_; }
  std::size_t count() const noexcept { return live_.size(); }

 private:
  struct Behind {
    DeciderEntry* entry;
    Nanoseconds silent = 0;
    std::uint64_t progress = 0;
  };
  std::uint64_t progress_of(std::size_t i) const noexcept;
  bool guilty(std::size_t i, bool at_boundary) const;
  bool somebody_blocks() const;

  Bus& bus_;
  ControlCore& core_;
  const Producer& producer_;
  const Nanoseconds deadline_;
  OnFail on_fail_;
  std::vector<WordView> live_;                 // what a boundary reads: contiguous
  std::vector<Behind> behind_;                 // the same deciders, what only a wait looks at
  std::vector<std::unique_ptr<Word>> frozen_;  // the last words of failed ones, which nobody moves any more
  std::uint64_t waits_ = 0;
  Nanoseconds waited_ = 0;
};

}  // namespace sidestep::detail
