#pragma once

#include <sidestep/bus/subscription.hpp>
#include <sidestep/operators/channel.hpp>
#include <sidestep/operators/part.hpp>

#include <string>

namespace sidestep::detail {

/// One part in its place: whom it reports to, what comes behind it, how it answers marks.
class SegmentBase {
 public:
  void bind(PartBase& part, Subscription& subscription, unsigned index, ChannelBase* before, ChannelBase* next);
  void mark(PartBase& part, const Mark& mark) noexcept;

 protected:
  /// It completed or failed by itself.
  void ended(const PartBase& part, const Context& context) noexcept;
  bool last() const noexcept { return next_ == nullptr; }

 private:
  void handle(PartBase& part, const Mark& mark, Context& context);
  void restore(PartBase& part, const Mark& mark);
  void failed(const std::string& error, Sequence number) noexcept;
  enum class Ending { itself, early, stream };
  void finished(Ending how) noexcept;
  void finish_decider() noexcept;

  Subscription* subscription_ = nullptr;
  ChannelBase* before_ = nullptr;
  ChannelBase* next_ = nullptr;
  unsigned index_ = 0;
};

template <class Part>
class Segment : private SegmentBase {
 public:
  using Element = typename Part::Element;

  explicit Segment(auto&& stages) : part_(std::move(stages)) {}

  void bind(Subscription& subscription, unsigned index, ChannelBase* before, ChannelBase* next) {
    SegmentBase::bind(part_, subscription, index, before, next);
  }

  bool over() const noexcept { return part_.over(); }
  bool failed() const noexcept { return part_.failure() != nullptr; }
  Part& part() noexcept { return part_; }

  /// `account(taken)` is called once: before it is known that this, the last part, failed (whoever sees the failure
  /// sees the account), else after what follows from the run was handed over (whoever sees that this is idle sees that
  /// the next one isn't).
  template <bool wanted = false>
  std::size_t run(std::span<const Element> elements, auto&& account) noexcept {
    Context context;
    const std::size_t taken = part_.template run<wanted>(elements, context);
    const bool failed_here = part_.failure() && last();
    if (failed_here) account(taken);
    if (part_.over()) [[unlikely]]
      ended(part_, context);
    if (!failed_here) account(taken);
    return taken;
  }

  std::size_t run_wanted(std::span<const Element> elements) noexcept {
    return run<true>(elements, [](std::size_t) {});
  }

  void mark(const Mark& mark) noexcept { SegmentBase::mark(part_, mark); }
  /// The pipeline has failed, perhaps elsewhere.
  void put_down() noexcept {
    if (!part_.over()) part_.cancel();
  }

 private:
  Part part_;
};

}  // namespace sidestep::detail
