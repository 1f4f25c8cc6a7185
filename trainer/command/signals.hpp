#pragma once
#include <array>
#include <csignal>

#include <sidestep/trainer/control/control.hpp>

namespace sidestep {

/// While it lives, SIGINT and SIGTERM end the run at its next boundary, with a checkpoint. The same signal once more
/// ends the process at once. One at a time.
class SignalGuard {
 public:
  explicit SignalGuard(Control& control);
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;
  ~SignalGuard();

  /// Of the first that came; 0: none.
  static int signal() noexcept;

 private:
  std::array<struct sigaction, 2> before_{};
  struct sigaction pipe_before_ {};
};

}  // namespace sidestep
