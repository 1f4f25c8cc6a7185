#pragma once

#include <sidestep/trainer/control/checkpoint_writer.hpp>
#include <sidestep/trainer/control/control_core.hpp>
#include <sidestep/trainer/control/cut_book.hpp>
#include <sidestep/trainer/control/loop.hpp>
#include <sidestep/trainer/control/notes.hpp>
#include <sidestep/trainer/control/pending.hpp>
#include <sidestep/trainer/control/watch.hpp>

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace sidestep::detail {

/// A pipeline as its user knows it: by the name that he gave it, else by its chain.
std::string name_or_chain(Subscription& pipeline);
/// The same within a sentence: a name stands in quotes.
std::string called(Subscription& pipeline);

/// The boundary protocol, the trainer's side of it. One thread.
class LoopInside {
 public:
  using Handler = std::function<Outcome(const Decision&, const Cause&)>;

  LoopInside(Loop& loop, std::shared_ptr<ControlCore> core, Bus& bus, AttachOptions options);
  ~LoopInside();

  // boundary.cpp
  void boundary();
  void boundary(const Loop::Ahead& at);
  void late(Step step);  ///< BatchEnd of a step whose boundary has been held is out
  /// Publishes behind the BatchEnd of the boundary that is being held: now, or when that is out.
  void say(std::function<void()> publish) {
    if (behind_ == 0)
      publish();
    else
      later_.emplace_back(loop.place_.step, std::move(publish));
  }
  Step behind() const noexcept { return behind_; }
  void check_all_in(std::string_view before) const;
  std::uint64_t boundaries() const noexcept { return hot.list.total() + static_cast<std::uint64_t>(behind_); }
  void behind_fit_begin(const FitBegin& begin);

  // loop_end.cpp
  bool came_too_late(const Taken& one);
  void cut_before_end();  ///< `last`, at this boundary, unless it has been cut here
  void end();
  void finish();
  void drain();

  // loop.cpp
  void begin();
  void await_restored();
  const CheckpointState& resume(CheckpointState state, std::string_view name);
  void check_decider(Subscription& pipeline);
  void admit_joining();
  void add_decider(DeciderEntry& entry);
  std::uint32_t rank_of(const std::string& key, std::uint32_t registration) const;
  void note_broken(std::string by, std::string why);

  Loop& loop;
  Loop::Hot& hot;
  const std::shared_ptr<ControlCore> core;
  Bus& bus;
  const AttachOptions options;
  Sync sync;
  bool begun = false, ended = false, finished = false, abandoned = false;
  std::optional<CheckpointState> from;  ///< the checkpoint that the run went on from
  std::string from_name;
  std::unordered_map<std::uint32_t, Handler> handlers;  // by the decision's name
  std::vector<AppliedRow> decisions;
  std::vector<RefusedRow> refused;
  std::vector<std::string> unanswered;  // decisions that nobody carries out, a sentence each
  std::vector<BrokenRow> broken;
  std::vector<std::string> warnings;
  const std::shared_ptr<Notes> notes = std::make_shared<Notes>();  // see CallbackContext::notes
  std::string interrupted_by;
  Watch watch;
  std::shared_ptr<CutBook> book;
  FileWriter writer;
  Pending pending;
  std::vector<std::pair<std::string, std::function<Decisions(const FitBegin&)>>> at_begin;  // by whom
  std::vector<Handle> of_callbacks;                // what use() has hung on the bus
  std::set<std::filesystem::path> callback_files;  // see CallbackContext::files
  Histogram boundary_ns;
  Handle fail_fast;          ///< null: not asked for
  Nanoseconds timer_ns = 0;  ///< what reading the clock costs

 private:
  friend class sidestep::Loop;

  void run();
  [[noreturn, gnu::cold]] void no_boundary_here() const;
  [[noreturn, gnu::cold]] void out_of_step(Step step) const;
  bool settle(Taken& one) const;
  void settle_copies(OpenCut& cut) const;
  [[gnu::cold]] void busy();
  void take();
  void settle_next();
  void apply_due();
  void apply(const Taken& one);
  void applied(const Taken& one, const Outcome& outcome);
  void refuse(const Taken& one, std::string why);
  void not_carried_out(const Taken& one, std::string_view why);
  /// Whom a sentence is about: a pipeline without a name by its chain.
  std::string asker_called(const std::string& by) const;
  bool save(const Taken& one);
  void outside_requests();
  void publish_injected();
  void validations();
  void fail_silent();
  void tell_deaf();
  bool decided(const Asker& asker) const;
  void seal();
  void open_cut(const std::vector<SavedName>& names);
  void publish_barrier(const std::shared_ptr<OpenCut>& cut);
  /// The boundary here, in the list; which is never full when the next one comes.
  void remember(Sequence number, Step step, sidestep::Segment segment) {
    hot.list.push(number, step, segment);
    if (hot.list.full()) [[unlikely]]
      make_room();
  }
  [[gnu::cold]] void make_room();
  void set_sync(Sync how);
  /// Whether the next boundary may take the short way.
  void set_quick() noexcept { hot.quick = relaxed_ && !waits_ && behind_ == 0; }
  void follow_pace();
  Sequence last_number() const noexcept { return loop.producer_.next() - 1; }

  std::vector<Sequence> recent_;  // numbers of the last k + 1 BatchEnds, the present one at at_
  std::size_t at_ = 0;
  Step behind_ = 0;                                           // boundaries held whose BatchEnd is yet to come
  std::deque<std::pair<Step, std::function<void()>>> later_;  // what comes behind which BatchEnd
  bool in_boundary_ = false;
  bool asked_ = false;  // the bell was rung, and what came from outside hasn't been looked at
  bool relaxed_ = false;
  bool waits_ = false;             // a request or a cut waits for a later boundary
  bool next_waits_ = false;        // restored requests whose segment ends at the first boundary
  bool stop_ = false;              // a Stop was applied at this boundary
  std::uint64_t last_cut_at_ = 0;  // the boundary, counted from 1, behind which `last` was cut
  Nanoseconds paced_ = 0;
  std::vector<std::shared_ptr<OpenCut>> unsealed_;
  std::uint64_t cuts_ = 0;
  std::vector<SavedName> saves_;  // asked for at this boundary
  std::vector<std::pair<std::string, std::string>> superseded_, carried_;
  std::vector<Taken> validates_;
  std::unordered_map<std::string, std::uint32_t> ranks_;  // of the checkpoint that the run went on from
};

}  // namespace sidestep::detail
