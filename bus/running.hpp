#pragma once

namespace sidestep {

class Subscription;

/// The handler that a thread of the bus is in: whose it is, and where its run over a span ends. Lives on that thread's stack.
class RunningHandler {
 public:
  RunningHandler() noexcept;
  ~RunningHandler();
  RunningHandler(const RunningHandler&) = delete;
  RunningHandler& operator=(const RunningHandler&) = delete;

  static RunningHandler* current() noexcept;

  Subscription* whose = nullptr;
  bool essential = false;  ///< it handles what no overload policy drops

  /// The loop over a span says what ends it before its time.
  void on_stop(void (*stop)(void*), void* at) noexcept { stop_ = stop, at_ = at; }
  void forget() noexcept { stop_ = nullptr; }
  void stop() noexcept {
    if (stop_ != nullptr) stop_(at_);
  }

 private:
  void (*stop_)(void*) = nullptr;
  void* at_ = nullptr;
  RunningHandler* before_;
};

namespace detail {
inline constinit thread_local RunningHandler* running_handler = nullptr;
}

inline RunningHandler::RunningHandler() noexcept : before_(detail::running_handler) { detail::running_handler = this; }
inline RunningHandler::~RunningHandler() { detail::running_handler = before_; }
inline RunningHandler* RunningHandler::current() noexcept { return detail::running_handler; }

}  // namespace sidestep
