#pragma once

namespace sidestep {

/// May this process' threads run on that CPU?
bool may_run_on(int cpu) noexcept;
/// The calling thread runs there from now on, if it may.
void run_on(int cpu) noexcept;

}  // namespace sidestep
