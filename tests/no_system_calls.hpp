#pragma once

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <functional>
#include <iterator>

namespace sidestep::test {

/// A child process prepares, and then runs what prepare() returned: a system call of that thread other than exit kills
/// the process. True: it lived. Threads that were prepared may call what they like. (Not seccomp's strict mode, which
/// also forbids the time-stamp counter, and with it every clock.)
inline bool lives_without_system_calls_once_prepared(const std::function<std::function<void()>()>& prepare) {
  const pid_t child = fork();
  if (child == 0) {
    const std::function<void()> f = prepare();
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    const sock_fprog program{std::size(filter), filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
      _exit(2);
    f();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) == 2) << "seccomp isn't to be had here";
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// The same of what needs no preparing.
inline bool lives_without_system_calls(const std::function<void()>& f) {
  return lives_without_system_calls_once_prepared([&] { return f; });
}

}  // namespace sidestep::test
