/// Where the threads of a block wait for each other: barriers and warps' calls, and what is wrong when they wait in
/// vain.

#include <cstdlib>
#include <cstring>

#include <sidestep/kernels/emulation/block.hpp>
#include <sidestep/kernels/emulation/block_switching.hpp>
#include <sidestep/kernels/emulation/report.hpp>

namespace sidestep::emulation::detail {
namespace {

bool same(Place a, Place b) { return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0); }

const char* name(WarpCall call) {
  switch (call) {
    case WarpCall::sync:
      return "__syncwarp";
    case WarpCall::shuffle:
      return "__shfl_sync";
    case WarpCall::shuffle_up:
      return "__shfl_up_sync";
    case WarpCall::shuffle_down:
      return "__shfl_down_sync";
    case WarpCall::shuffle_xor:
      return "__shfl_xor_sync";
    case WarpCall::ballot:
      return "__ballot_sync";
  }
  return "a warp's call";
}

}  // namespace

int BlockRunner::barrier(bool predicate, Place place) {
  DeviceThread& self = *current_;
  const unsigned phase = phase_;
  if (cells_) tsan_release(cells_ + 8 * phase);
  self.place = place;
  true_[phase] += predicate;
  if (++waiting_ < count_) {
    suspend(ThreadState::at_barrier);
  } else {
    complete_barrier();
  }
  if (cells_) tsan_acquire(cells_ + 8 * phase);
  return true_[phase];
}

void BlockRunner::complete_barrier() {
  DeviceThread& self = *current_;
  for (const DeviceThread& other : threads_) {
    if (same(other.place, self.place)) continue;
    fail(cudaErrorLaunchFailure, [&] {
      return where_am_i() + " reached the barrier at " + text(self.place) + ", and " + text(other.index) +
             " another one, at " + text(other.place) + ": a divergent barrier.";
    });
  }
  waiting_ = 0;
  phase_ ^= 1;
  true_[phase_] = 0;  // all have read it: they have come to the barrier after it
  for (DeviceThread& other : threads_) make_ready(other);
  DeviceThread* next = next_ready();
  if (next != &self) {
    go_to(*next);
  } else {
    self.state = ThreadState::running;
  }
}

std::uint64_t BlockRunner::exchange(unsigned mask, std::uint64_t word, int source, WarpCall call, Place place) {
  DeviceThread& self = *current_;
  Warp& warp = warp_of(self);
  const unsigned bit = 1u << (self.number % 32);
  if (!(mask & bit)) {
    fail(cudaErrorLaunchFailure, [&] {
      return where_am_i() + " called " + name(call) + " at " + text(place) + " with the mask " + hexadecimal(mask) +
             ", which does not name its own lane " + std::to_string(self.number % 32) + ".";
    });
  }
  self.mask = mask;
  self.word = word;
  self.source = source;
  self.call = call;
  self.place = place;
  const bool orders = call == WarpCall::sync && cells_;
  if (orders) {
    self.cell = warp.cell;
    self.both_cells = false;
    tsan_release(warp_cell(self, self.cell));
  }
  warp.waiting |= bit;
  const unsigned needed = mask & warp.existing;
  if ((warp.waiting & needed) != needed || !complete_exchange(needed)) suspend(ThreadState::in_warp_call);
  if (orders) {
    tsan_acquire(warp_cell(self, self.cell));
    if (self.both_cells) tsan_acquire(warp_cell(self, self.cell ^ 1u));
  }
  return self.result;
}

bool BlockRunner::complete_exchange(unsigned needed) {
  DeviceThread& self = *current_;
  Warp& warp = warp_of(self);
  DeviceThread* lanes = &threads_[self.number / 32 * 32];
  unsigned cells = 0;
  unsigned ballot = 0;
  for (unsigned rest = needed; rest; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    if (lanes[lane].mask != self.mask || lanes[lane].call != self.call) return false;  // it waits for others first
    cells |= 1u << lanes[lane].cell;
    ballot |= lanes[lane].word != 0 ? 1u << lane : 0;
  }
  for (unsigned rest = needed; rest; rest &= rest - 1) {
    DeviceThread& other = lanes[__builtin_ctz(rest)];
    if (self.call == WarpCall::ballot) {
      other.result = ballot;
    } else {
      const unsigned source = static_cast<unsigned>(other.source) % 32;
      other.result = needed >> source & 1 ? lanes[source].word : ~std::uint64_t{0};
    }
    other.both_cells = cells == 3;
  }
  warp.waiting &= ~needed;
  if (self.call == WarpCall::sync) warp.cell ^= 1;
  for (unsigned rest = needed; rest; rest &= rest - 1) {
    DeviceThread& other = lanes[__builtin_ctz(rest)];
    if (&other != &self) make_ready(other);
  }
  return true;
}

void called_on_host() {
  report("a function of device code was called on the host, outside of any kernel.");
  std::abort();
}

void block_barrier(Place place) { running_or_abort().barrier(false, place); }
int block_barrier_count(bool predicate, Place place) { return running_or_abort().barrier(predicate, place); }
void warp_barrier(unsigned mask, Place place) { running_or_abort().exchange(mask, 0, 0, WarpCall::sync, place); }
std::uint64_t warp_exchange(unsigned mask, std::uint64_t word, int source, WarpCall call, Place place) {
  return running_or_abort().exchange(mask, word, source, call, place);
}
unsigned warp_ballot(unsigned mask, bool predicate, Place place) {
  return static_cast<unsigned>(running_or_abort().exchange(mask, predicate, 0, WarpCall::ballot, place));
}

/// Nobody can go on. Says of the first that waits whom it waits for.
std::string BlockRunner::deadlock() const {
  const std::string where = " of " + where_in_grid(*launch_) + " waits ";
  for (const DeviceThread& thread : threads_) {
    if (thread.state != ThreadState::in_warp_call) continue;
    const Warp& warp = warps_[thread.number / 32];
    const std::string said = text(thread.index) + where + "in " + name(thread.call) + " at " + text(thread.place) +
                             " for the lanes of the mask " + hexadecimal(thread.mask);
    const DeviceThread* lanes = &threads_[thread.number / 32 * 32];
    for (unsigned rest = thread.mask & warp.existing; rest; rest &= rest - 1) {
      const DeviceThread& other = lanes[__builtin_ctz(rest)];
      const std::string but = said + ", but " + text(other.index) + ", which it names, ";
      if (other.state == ThreadState::ended) return but + "has ended.";
      if (other.state == ThreadState::at_barrier) return but + "waits at the barrier at " + text(other.place) + ".";
      if (other.state == ThreadState::in_warp_call && (other.mask != thread.mask || other.call != thread.call)) {
        return but + "waits in " + name(other.call) + " at " + text(other.place) + " with the mask " +
               hexadecimal(other.mask) + ".";
      }
    }
    return said + " in vain.";
  }
  for (const DeviceThread& thread : threads_) {
    if (thread.state != ThreadState::at_barrier) continue;
    const std::string said = text(thread.index) + where + "at the barrier at " + text(thread.place);
    for (const DeviceThread& other : threads_) {
      if (other.state == ThreadState::ended)
        return said + ", but " + text(other.index) + " has ended without reaching it.";
    }
    return said + " in vain.";
  }
  return where_in_grid(*launch_) + " can't go on.";
}

}  // namespace sidestep::emulation::detail
