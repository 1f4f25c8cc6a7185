#include <fcntl.h>
#include <unistd.h>

#include <iostream>

#include <sidestep/trainer/command/command_line.hpp>

namespace {

/// Started with `>&-`, the first file that is opened would become standard output. What takes its number instead is
/// open the wrong way round, so that writing fails as on a closed one.
void occupy_closed_streams() {
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(number, F_GETFD) < 0)
      static_cast<void>(::open("/dev/null", number == STDIN_FILENO ? O_WRONLY : O_RDONLY));
}

}  // namespace

int main(int count, char** arguments) {
  occupy_closed_streams();
  return sidestep::run_command_line({arguments + 1, arguments + count}, {std::cout, std::cerr});
}
