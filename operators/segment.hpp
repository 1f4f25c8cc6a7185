#pragma once

#include <sidestep/bus/subscription.hpp>
#include <sidestep/operators/channel.hpp>
#include <sidestep/operators/part.hpp>

#include <string>

namespace sidestep::detail {

/// One part in its place: whom it reports to, what comes behind it, how it answers marks.
template <class Part>
class Segment {
 public:
  using Element = typename Part::Element;

  explicit Segment(auto stages) : part_(std::move(stages)) {}

  void bind(Subscription& subscription, unsigned index, ChannelBase* before, ChannelBase* next) {
    subscription_ = &subscription;
    index_ = index;
    before_ = before;
    next_ = next;
    part_.each_stage([&](auto& stage) {
      if constexpr (requires { stage.bind(subscription, index); }) stage.bind(subscription, index);
    });
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
    const bool failed_here = part_.failure() && next_ == nullptr;
    if (failed_here) account(taken);
    if (part_.over()) [[unlikely]]
      ended(context);
    if (!failed_here) account(taken);
    return taken;
  }

  std::size_t run_wanted(std::span<const Element> elements) noexcept {
    return run<true>(elements, [](std::size_t) {});
  }

  void mark(const Mark& mark) noexcept {
    Context context{mark.stamp, mark.number, 0};
    try {
      handle(mark, context);
    } catch (...) {
      part_.fail();
      ended(context);
    }
  }

 private:
  void handle(const Mark& mark, Context& context) {
    const bool was_over = part_.over();
    switch (mark.kind) {
      case Mark::Kind::progress:
        break;
      case Mark::Kind::tick:
        if (!was_over) part_.tick(context);
        if (!was_over && part_.over()) ended(context);
        break;
      case Mark::Kind::barrier:
        if constexpr (Part::saveable) {
          Archive archive;
          part_.state(archive);
          mark.sink->answer(mark.cut, *subscription_, index_, std::move(archive).take());
        }
        break;
      case Mark::Kind::restore:
        if constexpr (Part::saveable) restore(mark);
        break;
      case Mark::Kind::end:
        if (!was_over) part_.complete(context);
        if (next_ == nullptr)
          finished(mark.cut == ChannelBase::early ? Ending::early : Ending::stream);
        else if (was_over)
          return;  // what comes behind knows it already
        break;
      case Mark::Kind::cancel:
        part_.cancel();
        if (mark.cut == ChannelBase::threw) {
          failed(before_->error_before(), mark.number);
          return;
        }
        if (next_ == nullptr) {
          finish_decider();
          subscription_->finish(Subscription::Life::ended);
        }
        break;
    }
    if (next_ != nullptr) next_->mark(mark);
  }

  void restore(const Mark& mark) {
    std::vector<std::byte> saved;
    if (!mark.sink->restore(*subscription_, index_, saved)) return;
    Archive archive{std::span<const std::byte>(saved)};
    part_.state(archive);
    if (!archive.exhausted())
      throw ArchiveError("its saved state is longer than it can read: the checkpoint is of another version.");
    if (part_.over() && next_ == nullptr) finished(Ending::itself);
  }

  /// It completed or failed by itself.
  SIDESTEP_APART void ended(const Context& context) noexcept {
    if (part_.failure()) {
      failed(message_of(part_.failure()), context.number);
      return;
    }
    if (next_ != nullptr)
      next_->mark({.kind = Mark::Kind::end,
                   .number = context.number,
                   .stamp = context.stamp,
                   .cut = index_ > 0 ? ChannelBase::early : 0});
    else
      finished(Ending::itself);
  }

  /// It is reported when all that was handed over before has been handled: requests that were made before it stand,
  /// whatever the scheduler does.
  void failed(const std::string& error, Sequence number) noexcept {
    if (next_ != nullptr)
      next_->fail(error, number);
    else {
      finish_decider();
      subscription_->fail(error, number);
    }
  }

  enum class Ending { itself, early, stream };
  /// The last part is over. A pipeline of a checkpoint whose completion is only seen behind observe_on goes on before
  /// it, so that the state there doesn't depend on when.
  void finished(Ending how) noexcept {
    finish_decider();
    if (how == Ending::stream || index_ == 0 || !subscription_->options().saved)
      subscription_->finish(Subscription::Life::completed);
  }
  /// An observed decider has a word of its own; that of the inline ones is the dispatcher's.
  void finish_decider() noexcept {
    if (index_ > 0 && subscription_->decider() != nullptr && subscription_->decider_part() == index_)
      subscription_->decider()->finish();
  }

  Part part_;
  Subscription* subscription_ = nullptr;
  ChannelBase* before_ = nullptr;
  ChannelBase* next_ = nullptr;
  unsigned index_ = 0;
};

}  // namespace sidestep::detail
