#include <sidestep/operators/segment.hpp>

#include <sidestep/bus/running.hpp>
#include <sidestep/operators/strand.hpp>

#include <ctime>

namespace sidestep::detail {

std::string message_of(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    return exception.what();
  } catch (...) {
    return "it threw something that is no std::exception.";
  }
}

Nanoseconds thread_cpu_time() noexcept {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<Nanoseconds>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

void PartBase::cancel() noexcept {
  over_ = all_;
  close();
}

void PartBase::fail() noexcept {
  failure_ = std::current_exception();
  over_ = all_;
  close();
  announce_apart();
}

void PartBase::settle(const std::uint32_t* reached, std::size_t stages, Context& c) {
  while (c.ended != 0) {
    const std::uint64_t ended = std::exchange(c.ended, 0);
    const std::uint32_t before = over_;
    for (std::size_t i = 0; i < stages; ++i)
      if ((ended >> i & 1) != 0) over_ |= reached[i];
    flush(before, ended, c);
  }
}

void SegmentBase::bind(PartBase& part, Subscription& subscription, unsigned index, ChannelBase* before,
                       ChannelBase* next) {
  subscription_ = &subscription;
  index_ = index;
  before_ = before;
  next_ = next;
  part.bind(subscription, index);
}

void SegmentBase::mark(PartBase& part, const Mark& mark) noexcept {
  Context context{mark.stamp, mark.number, 0};
  try {
    handle(part, mark, context);
  } catch (...) {
    part.fail();
    ended(part, context);
  }
}

void SegmentBase::handle(PartBase& part, const Mark& mark, Context& context) {
  const bool was_over = part.over();
  // Its own handler has ended it: nothing more comes to that one, in whatever part it stands. (One that is over has
  // told the next already.)
  const bool gone = subscription_->ended_inside() && (next_ == nullptr || !was_over);
  switch (gone && mark.kind == Mark::Kind::end ? Mark::Kind::cancel : mark.kind) {
    case Mark::Kind::progress:
      break;
    case Mark::Kind::tick:
      if (!was_over && !gone) part.tick(context);
      if (!was_over && part.over()) ended(part, context);
      break;
    case Mark::Kind::barrier:
      if (part.saves()) {
        Archive archive;
        part.state(archive);
        mark.sink->answer(mark.cut, *subscription_, index_, std::move(archive).take());
      }
      break;
    case Mark::Kind::restore:
      if (part.saves()) restore(part, mark);
      break;
    case Mark::Kind::end:
      if (RunningHandler* const here = RunningHandler::current()) here->completes = true;
      if (!was_over) part.complete(context);
      if (next_ == nullptr)
        finished(mark.cut == ChannelBase::early ? Ending::early : Ending::stream);
      else if (was_over && (index_ == 0 || mark.cut == ChannelBase::early))
        return;  // what comes behind knows it already
      break;
    case Mark::Kind::cancel:
      part.cancel();
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
  // It was over when it was saved: what comes behind is told now, since nothing is run that would tell it.
  if (mark.kind == Mark::Kind::restore && next_ != nullptr && part.over()) ended(part, context);
}

void SegmentBase::restore(PartBase& part, const Mark& mark) {
  std::vector<std::byte> saved;
  if (!mark.sink->restore(*subscription_, index_, saved)) return;
  Archive archive{std::span<const std::byte>(saved)};
  part.state(archive);
  if (!archive.exhausted())
    throw ArchiveError("its saved state is longer than it can read: the checkpoint is of another version.");
  if (part.over() && next_ == nullptr) finished(Ending::itself);
}

void SegmentBase::ended(const PartBase& part, const Context& context) noexcept {
  if (part.failure()) {
    failed(message_of(part.failure()), context.number);
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
void SegmentBase::failed(const std::string& error, Sequence number) noexcept {
  if (next_ != nullptr)
    next_->fail(error, number);
  else {
    finish_decider();
    subscription_->fail(error, number);
  }
}

/// The last part is over: it has completed, unless its own handler has ended it with that value. A pipeline of a
/// checkpoint whose completion is only seen behind observe_on goes on before it, so that the state there doesn't depend
/// on when.
void SegmentBase::finished(Ending how) noexcept {
  finish_decider();
  if (how == Ending::stream || index_ == 0 || !subscription_->options().saved)
    subscription_->finish(subscription_->ended_inside() ? Subscription::Life::ended : Subscription::Life::completed);
}

/// An observed decider has a word of its own; that of the inline ones is the dispatcher's.
void SegmentBase::finish_decider() noexcept {
  if (index_ > 0 && subscription_->decider() != nullptr && subscription_->decider_part() == index_)
    subscription_->decider()->finish();
}

}  // namespace sidestep::detail
