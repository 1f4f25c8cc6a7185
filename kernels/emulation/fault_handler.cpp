/// SIGSEGV and SIGBUS, named before the program dies of them.

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include <sidestep/kernels/emulation/block.hpp>
#include <sidestep/kernels/emulation/heap.hpp>
#include <sidestep/kernels/emulation/protection.hpp>
#include <sidestep/kernels/emulation/report.hpp>
#include <sidestep/kernels/emulation/sanitizer.hpp>

extern "C" {
__attribute__((weak)) void __asan_set_error_report_callback(void (*callback)(const char*));  // NOLINT
__attribute__((weak)) void* __asan_get_report_address();                                     // NOLINT
}

namespace sidestep::emulation::detail {
namespace {

struct sigaction before_segv;
struct sigaction before_bus;

std::string what_happened(const void* address) {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  BlockRunner* block = running_block();
  const std::string where = hexadecimal(at);
  if (heap().in_range(at)) {
    const std::string place = heap().describe(at);
    if (!block) return "host access to device memory: " + where + ", " + place + ". Copy it with cudaMemcpyAsync.";
    return where_am_i() + " accessed " + where + ", " + place + ".";
  }
  if (!block) return "";
  if (block->owns_guard(address)) return where_am_i() + " used up its stack.";
  return where_am_i() + " accessed " + where + ", which is no memory.";
}

/// AddressSanitizer knows the line, we know the kernel and the allocation.
void add_to_report(const char*) {
  const auto at = reinterpret_cast<std::uintptr_t>(__asan_get_report_address());
  if (!heap().in_range(at) && !running_block()) return;
  const std::string place = heap().in_range(at) ? ", " + heap().describe(at) : "";
  const std::string who = running_block() ? where_am_i() : "the host";
  report(who + " accessed " + hexadecimal(at) + place + ": see AddressSanitizer's report above.");
}

void handle(int signal, siginfo_t* info, void* context) {
  // A last breath: what is called here isn't safe in every signal handler, but the program can't go on anyway.
  if (const std::string said = what_happened(info->si_addr); !said.empty()) report(said);
  struct sigaction& former = signal == SIGSEGV ? before_segv : before_bus;
  if (former.sa_flags & SA_SIGINFO && former.sa_sigaction) {
    former.sa_sigaction(signal, info, context);  // a sanitizer's: it prints the stack
    return;
  }
  ::signal(signal, SIG_DFL);  // returns to the access, which now kills the program: the core shows it
}

}  // namespace

void install_fault_handler() {
  static const bool once = [] {
    struct sigaction ours {};
    ours.sa_sigaction = handle;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&ours.sa_mask);
    sigaction(SIGSEGV, &ours, &before_segv);
    sigaction(SIGBUS, &ours, &before_bus);
    if (under_address_sanitizer()) __asan_set_error_report_callback(add_to_report);
    return true;
  }();
  static_cast<void>(once);
}

void ensure_signal_stack() {
  static thread_local constinit bool done = false;
  if (done) return;
  done = true;
  stack_t there{};
  if (sigaltstack(nullptr, &there) == 0 && !(there.ss_flags & SS_DISABLE)) return;  // a sanitizer made one
  constexpr std::size_t size = std::size_t{64} << 10;
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return;
  there = {};
  there.ss_sp = memory;
  there.ss_size = size;
  sigaltstack(&there, nullptr);
}

}  // namespace sidestep::emulation::detail
