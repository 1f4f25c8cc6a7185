#include <iostream>

#include <sidestep/trainer/command/command_line.hpp>

int main(int count, char** arguments) {
  return sidestep::run_command_line({arguments + 1, arguments + count}, {std::cout, std::cerr});
}
