#pragma once

// True where a test has planted the fault of this name; false, and compiled away, in everything but test binaries.
// Faults are there to show that the tools find them: each has a test that is red when it isn't found.
#if defined(SIDESTEP_CUDA_EMULATION) && defined(SIDESTEP_PLANTED_FAULTS)
#include <sidestep_emulation.h>
#define PLANTED(name) ::sidestep::emulation::planted(#name)
#else
#define PLANTED(name) false
#endif
