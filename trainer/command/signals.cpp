#include <sidestep/trainer/command/signals.hpp>

#include <atomic>

namespace sidestep {
namespace {

constexpr std::array<int, 2> signals{SIGINT, SIGTERM};

// a handler may touch nothing but lock-free atomics
std::atomic<Control*> running{nullptr};
std::atomic<int> first{0};
static_assert(std::atomic<Control*>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

extern "C" void interrupt_run(int number) {
  int none = 0;
  first.compare_exchange_strong(none, number);
  // acquire: pairs with the guard's release; the control that it names is whole
  if (Control* const control = running.load(std::memory_order_acquire))
    control->interrupt(number == SIGINT ? "SIGINT" : "SIGTERM");
}

}  // namespace

SignalGuard::SignalGuard(Control& control) {
  first.store(0);
  running.store(&control, std::memory_order_release);  // pairs with interrupt_run
  struct sigaction action {};
  action.sa_handler = interrupt_run;
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < signals.size(); ++i) sigaction(signals[i], &action, &before_[i]);
  // Who reads our output may leave: a write that fails then is a failure of the one who writes, and no end of the run.
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigemptyset(&ignore.sa_mask);
  sigaction(SIGPIPE, &ignore, &pipe_before_);
}

SignalGuard::~SignalGuard() {
  for (std::size_t i = 0; i < signals.size(); ++i) sigaction(signals[i], &before_[i], nullptr);
  sigaction(SIGPIPE, &pipe_before_, nullptr);
  running.store(nullptr, std::memory_order_release);  // pairs with interrupt_run
}

int SignalGuard::signal() noexcept { return first.load(); }

}  // namespace sidestep
