#pragma once

// libgomp's, which oneDNN is built with; declared here because <omp.h> belongs to whichever compiler builds us.
extern "C" void omp_set_num_threads(int);
extern "C" int omp_get_max_threads();

namespace sidestep::emulation {

/// While it lives, oneDNN uses the calling thread alone: its sums then have one order, whatever the machine. It looks
/// both when a primitive is made and when it runs.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;

 private:
  int before_;
};

}  // namespace sidestep::emulation
