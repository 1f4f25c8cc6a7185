#pragma once

#include <sidestep/bus/types.hpp>

#include <sys/mman.h>
#include <ucontext.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <set>

namespace sidestep::test {

inline constexpr std::size_t page = 4096;
constexpr std::size_t whole_pages(std::size_t size) { return (size + page - 1) / page * page; }
inline std::uintptr_t line_of(const volatile void* address) {
  return reinterpret_cast<std::uintptr_t>(address) / cache_line;
}

#ifdef __x86_64__
/// Which cache lines of an object are touched while it lives, by instructions of this thread. The object's pages, which
/// hold nothing else, are closed; each access opens them for the length of one instruction. One at a time, and nobody
/// else may come near.
class TouchedLines {
 public:
  TouchedLines(const void* object, std::size_t size) {
    const auto address = reinterpret_cast<std::uintptr_t>(object);
    begin_ = address / page * page;
    size_ = whole_pages(address + size - begin_);
    count_ = 0;
    handle(SIGSEGV, &closed_page, was_[0]);
    handle(SIGTRAP, &one_instruction_later, was_[1]);
    allow(PROT_NONE);
  }
  ~TouchedLines() { stop(); }
  TouchedLines(const TouchedLines&) = delete;
  TouchedLines& operator=(const TouchedLines&) = delete;

  std::set<std::uintptr_t> stop() {
    if (size_ == 0) return {};
    allow(PROT_READ | PROT_WRITE);
    size_ = 0;
    ::sigaction(SIGSEGV, &was_[0], nullptr);
    ::sigaction(SIGTRAP, &was_[1], nullptr);
    return {lines_.begin(), lines_.begin() + static_cast<std::ptrdiff_t>(count_)};
  }

 private:
  static constexpr greg_t trap_flag = 0x100;

  static void handle(int signal, void (*handler)(int, siginfo_t*, void*), struct sigaction& was) {
    struct sigaction action {};
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO;
    ::sigaction(signal, &action, &was);
  }
  static void allow(int access) {
    if (::mprotect(reinterpret_cast<void*>(begin_), size_, access) != 0) std::abort();
  }
  static void closed_page(int, siginfo_t* info, void* context) {
    const int error = errno;
    const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
    if (address < begin_ || address >= begin_ + size_ || count_ == lines_.size()) std::abort();
    lines_[count_++] = address / cache_line;
    allow(PROT_READ | PROT_WRITE);
    static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] |= trap_flag;
    errno = error;
  }
  static void one_instruction_later(int, siginfo_t*, void* context) {
    const int error = errno;
    static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] &= ~trap_flag;
    allow(PROT_NONE);
    errno = error;
  }

  static inline std::uintptr_t begin_ = 0;
  static inline std::size_t size_ = 0, count_ = 0;
  static inline std::array<std::uintptr_t, 1024> lines_{};
  static inline std::array<struct sigaction, 2> was_{};
};
#endif

}  // namespace sidestep::test
