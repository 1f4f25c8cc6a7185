#include <sidestep/kernels/emulation/report.hpp>

#include <unistd.h>

#include <cstdio>

#include <sidestep/kernels/emulation/block.hpp>
#include <sidestep/kernels/emulation/raw.hpp>
#include <sidestep/kernels/emulation/sanitizer.hpp>

extern "C" {
/// `break sidestep_emulation_error` in gdb stops where device code went wrong.
__attribute__((noinline, used)) void sidestep_emulation_error(const char* sentence) {
  asm volatile("" : : "r"(sentence));
}
}

namespace sidestep::emulation::detail {
namespace {

struct Last {
  RawMutex mutex;
  std::string sentence;
};

Last& last() {
  static auto* instance = new Last;  // outlives every thread
  return *instance;
}

}  // namespace

void report(const std::string& sentence) {
  const Quiet quiet;
  {
    const RawLock lock(last().mutex);
    last().sentence = sentence;
  }
  const std::string line = "sidestep emulation: " + sentence + "\n";
  [[maybe_unused]] const auto written = write(STDERR_FILENO, line.data(), line.size());
  sidestep_emulation_error(sentence.c_str());
}

void report_launch_error(Launch& launch, cudaError_t error, const std::string& sentence) {
  // relaxed: the stream reads the error when the grid has ended, which oneTBB orders
  if (__atomic_exchange_n(&launch.failed, true, __ATOMIC_RELAXED)) return;
  launch.error = error;
  report(sentence);
}

std::string last_report_text() {
  const Quiet quiet;
  const RawLock lock(last().mutex);
  return last().sentence;
}

void clear_reports() {
  const Quiet quiet;
  const RawLock lock(last().mutex);
  last().sentence.clear();
}

std::string text(Place place) {
  const std::string file = place.file ? place.file : "?";
  return file.substr(file.rfind('/') + 1) + ":" + std::to_string(place.line);
}

std::string text(uint3 index) {
  return "thread (" + std::to_string(index.x) + "," + std::to_string(index.y) + "," + std::to_string(index.z) + ")";
}

std::string hexadecimal(unsigned long long number) {
  char buffer[20];
  std::snprintf(buffer, sizeof buffer, "0x%llx", number);
  return buffer;
}

std::string where_in_grid(const Launch& launch) {
  const uint3 block = blockIdx;
  return "block (" + std::to_string(block.x) + "," + std::to_string(block.y) + "," + std::to_string(block.z) +
         ") of kernel " + function_name(launch.call->kernel);
}

std::string where_am_i() {
  BlockRunner* block = running_block();
  if (!block) return "";
  return text(block->current().index) + " of " + where_in_grid(block->launch());
}

}  // namespace sidestep::emulation::detail
