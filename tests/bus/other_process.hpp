#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <exception>
#include <functional>
#include <string>

namespace sidestep::testing_support {

/// Runs f in a process of its own, made before this one has threads. f may say lines to this one as it goes.
class OtherProcess {
 public:
  using Say = std::function<void(const std::string& line)>;

  explicit OtherProcess(const std::function<void(const Say&)>& f) {
    int pipe[2];
    if (::pipe(pipe) != 0) throw std::runtime_error("no pipe");
    process_ = ::fork();
    if (process_ == 0) {
      ::close(pipe[0]);
      const Say say = [&](const std::string& line) {
        const std::string text = line + '\n';
        if (::write(pipe[1], text.data(), text.size()) != static_cast<ssize_t>(text.size())) ::_exit(3);
      };
      try {
        f(say);
      } catch (const std::exception& error) {
        say(std::string("threw: ") + error.what());
      }
      ::_exit(0);
    }
    ::close(pipe[1]);
    from_ = pipe[0];
  }
  OtherProcess(const OtherProcess&) = delete;
  ~OtherProcess() {
    kill(SIGKILL);
    ::close(from_);
  }

  /// Its next line; empty: it has ended.
  std::string hears() {
    std::string line;
    for (char c; ::read(from_, &c, 1) == 1 && c != '\n';) line += c;
    return line;
  }
  /// Until it stands still.
  void stop() {
    ::kill(process_, SIGSTOP);
    int status = 0;
    ASSERT_EQ(::waitpid(process_, &status, WUNTRACED), process_);
    ASSERT_TRUE(WIFSTOPPED(status));
  }
  void go_on() { ::kill(process_, SIGCONT); }
  /// And waits until it is gone.
  void kill(int signal) {
    if (process_ <= 0) return;
    ::kill(process_, signal);
    ::waitpid(process_, nullptr, 0);
    process_ = 0;
  }
  pid_t number() const { return process_; }

 private:
  pid_t process_ = 0;
  int from_ = -1;
};

}  // namespace sidestep::testing_support
