/// Every planted fault is found by the tool that is there for it, and a program without a fault is left in peace.
///
/// Each case runs `planted` with several seeds. A fault that the schedule may hide must be found in 19 of 20 seeds; the
/// others in all. SIDESTEP_FAULT_SEEDS says how many: 3 by default, 20 in the soak.

#include <gtest/gtest.h>
#include <regex.h>
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <ostream>
#include <string>

#include "emulation/sanitizers.hpp"

namespace {

enum class Tool { emulation, address, thread, undefined };

struct Fault {
  const char* name;
  Tool tool;
  const char* said;               ///< a regular expression in what the program writes
  const char* without = nullptr;  ///< what the emulation itself says where that tool isn't there
};

std::ostream& operator<<(std::ostream& out, const Fault& fault) { return out << fault.name; }

constexpr bool has(Tool tool) {
  switch (tool) {
    case Tool::thread:
      return sidestep::test::thread_sanitizer;
    case Tool::address:
      return sidestep::test::address_sanitizer;
    case Tool::undefined:
      return sidestep::test::alignment_sanitizer;
    case Tool::emulation:
      return true;
  }
  return false;
}

constexpr const char* overrun = "use-after-poison";
constexpr const char* race = "ThreadSanitizer: data race";

const Fault faults[] = {
    {"missing_barrier", Tool::thread, race},
    {"block_race", Tool::thread, race},
    {"missing_wait", Tool::thread, race},
    {"copy_races_kernel", Tool::thread, race},
    {"unread_copy", Tool::thread, race},
    {"branch_race", Tool::thread, race},
    {"relaxed_record", Tool::thread, race},
    {"freed_in_use", Tool::thread, "ThreadSanitizer: data race|is a stale pointer"},
    {"shared_overrun", Tool::address, overrun, "wrote 0 bytes past the end of a shared array of 256 bytes"},
    {"dynamic_shared_overrun", Tool::address, overrun, "wrote 0 bytes past the end of the dynamic shared memory"},
    {"device_overrun", Tool::address, overrun, "wrote [0-9]+ bytes past the end of a device allocation of 4000 bytes"},
    {"misaligned", Tool::undefined, "misaligned address .* for type 'const struct float4'"},
    {"host_read", Tool::emulation,
     "host access to device memory: 0x[0-9a-f]+, 28 bytes inside a device allocation of 400"},
    {"divergent_barrier", Tool::emulation,
     "thread .* of kernel .*barrier_in_branch.* reached the barrier at planted.cu:[0-9]+, and thread .*: a divergent "
     "barrier"},
    {"barrier_not_reached", Tool::emulation,
     "waits at the barrier at planted.cu:[0-9]+, but thread \\(63,0,0\\) has ended without reaching it"},
    {"half_a_warp", Tool::emulation,
     "waits in __shfl_xor_sync at planted.cu:[0-9]+ .* but thread \\(16,0,0\\), which it names, has ended"},
    {"null_pointer", Tool::emulation,
     "of kernel .*no_pointer.* accessed 0x[0-9a-f]+, which is no memory|"
     "store to address 0x[0-9a-f]+ with insufficient space"},
    {"stack_overflow", Tool::emulation, "of kernel .*endless.* used up its stack"},
    {"stale_pointer", Tool::emulation, "argument 1 of kernel .*add_one.* in node 0 of a graph is a stale pointer"},
    {"stale_pointer_in_table", Tool::emulation, "argument 1 of kernel .*add_one_to_all.* is a stale pointer"},
    {"long_copy", Tool::emulation, "a copy of 404 bytes .* leaves the allocation"},
};

struct Ran {
  std::string output;
  int status;
};

Ran run(const Fault& fault, bool on, int seed, const std::string& environment = "") {
  const std::string command =
      environment + " SIDESTEP_EMULATION_SEED=" + std::to_string(seed) +
      " TSAN_OPTIONS=report_signal_unsafe=0:atexit_sleep_ms=0:symbolize=0 UBSAN_OPTIONS=print_stacktrace=0" +
      " ASAN_OPTIONS=symbolize=0:detect_stack_use_after_return=1 " PLANTED_PROGRAM " " + fault.name +
      (on ? " on" : " off") + " 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  Ran ran{"", -1};
  char buffer[4096];
  for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) ran.output.append(buffer, n);
  ran.status = pclose(pipe);
  return ran;
}

/// By POSIX's extended regular expressions: std::regex takes a minute to compile under sanitizers.
bool contains(const std::string& text, const char* expression) {
  regex_t compiled{};
  if (regcomp(&compiled, expression, REG_EXTENDED | REG_NOSUB) != 0) return false;
  const bool found = regexec(&compiled, text.c_str(), 0, nullptr, 0) == 0;
  regfree(&compiled);
  return found;
}

int seeds() {
  const char* asked = std::getenv("SIDESTEP_FAULT_SEEDS");
  return asked ? std::atoi(asked) : 3;
}

class Planted : public testing::TestWithParam<Fault> {};

TEST_P(Planted, IsFound) {
  const Fault& fault = GetParam();
  const char* said = has(fault.tool) ? fault.said : fault.without;
  if (!said) GTEST_SKIP() << "found by a tool that this build hasn't got";
  if (sidestep::test::thread_sanitizer && std::string(fault.name).find("shared_overrun") != std::string::npos) {
    GTEST_SKIP() << "under ThreadSanitizer shared arrays have no red zones";
  }
  int found = 0;
  std::string last;
  for (int seed = 1; seed <= seeds(); ++seed) {
    const Ran ran = run(fault, true, seed);
    if (contains(ran.output, said)) {
      ++found;
    } else {
      last = ran.output;
    }
  }
  const int allowed = fault.tool == Tool::thread ? seeds() / 20 : 0;
  EXPECT_GE(found, seeds() - allowed) << "one that missed it wrote:\n" << last;
}

TEST_P(Planted, NothingIsSaidWithoutIt) {
  for (int seed = 1; seed <= seeds(); ++seed) {
    const Ran ran = run(GetParam(), false, seed);
    EXPECT_EQ(ran.output, "cudaSuccess\n") << "seed " << seed;
    EXPECT_EQ(ran.status, 0);
  }
}

TEST(Protection, WithoutKeysTheMemoryOfAnIdleDeviceIsClosed) {
  const char* const closed = "SIDESTEP_EMULATION_PROTECTION=idle";
  const Fault host_read{"host_read", Tool::emulation, ""};
  EXPECT_TRUE(contains(run(host_read, true, 1, closed).output, "host access to device memory"));
  const Fault others[] = {
      {"missing_wait", Tool::thread, ""}, {"stale_pointer", Tool::emulation, ""}, {"branch_race", Tool::thread, ""}};
  for (const Fault& other : others) EXPECT_EQ(run(other, false, 1, closed).output, "cudaSuccess\n") << other.name;
}

TEST(Protection, WithKeysTheMemoryOfABusyDeviceIsClosedToo) {
  const int key = pkey_alloc(0, 0);
  if (key < 0) GTEST_SKIP() << "this CPU has no protection keys";
  pkey_free(key);
  const Fault host_read{"host_read_at_work", Tool::emulation, ""};
  EXPECT_TRUE(contains(run(host_read, true, 1).output, "host access to device memory"));
  EXPECT_EQ(run(host_read, false, 1).output, "cudaSuccess\n");
}

TEST(FreshFibers, DoTheSame) {
  const Fault fault{"missing_barrier", Tool::thread, ""};
  EXPECT_EQ(run(fault, false, 1, "SIDESTEP_EMULATION_FRESH_FIBERS=1").output, "cudaSuccess\n");
}

INSTANTIATE_TEST_SUITE_P(All, Planted, testing::ValuesIn(faults),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
