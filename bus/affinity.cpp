#include <sidestep/bus/affinity.hpp>

#include <sched.h>

namespace sidestep {

bool may_run_on(int cpu) noexcept {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  return cpu >= 0 && cpu < CPU_SETSIZE && ::sched_getaffinity(0, sizeof allowed, &allowed) == 0 &&
         CPU_ISSET(cpu, &allowed);
}

void run_on(int cpu) noexcept {
  cpu_set_t there;
  CPU_ZERO(&there);
  CPU_SET(cpu, &there);
  ::sched_setaffinity(0, sizeof there, &there);
}

}  // namespace sidestep
