#include <fmt/format.h>
#include <sidestep/sidestep.hpp>

#include <cstdio>

void trains(const std::filesystem::path& path) {
  //> #include <sidestep/sidestep.hpp>
}
