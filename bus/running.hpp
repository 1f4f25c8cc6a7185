#pragma once

namespace sidestep {

class Dispatcher;
class Subscription;

/// The handler that a thread of the bus is in: whose it is, and where its run over a span ends. Lives on that thread's
/// stack.
class RunningHandler {
 public:
  RunningHandler() noexcept;
  ~RunningHandler();
  RunningHandler(const RunningHandler&) = delete;
  RunningHandler& operator=(const RunningHandler&) = delete;

  static RunningHandler* current() noexcept;

  Subscription* whose = nullptr;
  bool essential = false;  ///< it handles what no overload policy drops
  bool completes = false;  ///< it hands over what it held, since its stream ends: that comes once
  unsigned apart = 0;      ///< chains over a range that it runs meanwhile, each within the one before: another thing

  /// From now on it is this one's.
  void belongs_to(Subscription* subscription) noexcept { whose = subscription, stopped_ = completes = false; }
  /// The loop over a span says what ends it before its time.
  void on_stop(void (*stop)(void*), void* at) noexcept { stop_ = stop, at_ = at; }
  void forget() noexcept { stop_ = nullptr; }
  void stop() noexcept {
    stopped_ = true;
    if (stop_ != nullptr) stop_(at_);
  }
  /// It is to see nothing more, not even the rest of what comes of the event at hand.
  static bool stopped() noexcept {
    const RunningHandler* const here = current();
    return here != nullptr && here->stopped_ && here->apart == 0;
  }

 private:
  void (*stop_)(void*) = nullptr;
  void* at_ = nullptr;
  bool stopped_ = false;
  RunningHandler* before_;
};

/// While it lives, this thread does the work of a bus that has no thread. A handler may poll another such bus: they
/// form a chain.
class PollingHere {
 public:
  explicit PollingHere(const Dispatcher& bus) noexcept;
  ~PollingHere();
  PollingHere(const PollingHere&) = delete;
  PollingHere& operator=(const PollingHere&) = delete;

  static bool of(const Dispatcher& bus) noexcept;

 private:
  const Dispatcher* bus_;
  const PollingHere* before_;
};

namespace detail {
inline constinit thread_local RunningHandler* running_handler = nullptr;
inline constinit thread_local const PollingHere* polling_here = nullptr;
}  // namespace detail

inline RunningHandler::RunningHandler() noexcept : before_(detail::running_handler) { detail::running_handler = this; }
inline RunningHandler::~RunningHandler() { detail::running_handler = before_; }
inline RunningHandler* RunningHandler::current() noexcept { return detail::running_handler; }

inline PollingHere::PollingHere(const Dispatcher& bus) noexcept : bus_(&bus), before_(detail::polling_here) {
  detail::polling_here = this;
}
inline PollingHere::~PollingHere() { detail::polling_here = before_; }
inline bool PollingHere::of(const Dispatcher& bus) noexcept {
  for (const PollingHere* at = detail::polling_here; at != nullptr; at = at->before_)
    if (at->bus_ == &bus) return true;
  return false;
}

}  // namespace sidestep
