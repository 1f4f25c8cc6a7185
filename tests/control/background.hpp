#pragma once

#include "small_run.hpp"

#include <functional>
#include <thread>

namespace sidestep::test {

/// Whether a point belongs to this pipeline.
inline std::function<bool(const void*)> of(const Handle& pipeline) {
  return [&pipeline](const void* who) { return who == pipeline.get(); };
}

/// The run on a thread of its own, so that the test can hold others meanwhile.
class Background {
 public:
  explicit Background(SmallRun& run) : thread_([&run] { run.go(); }) {}
  ~Background() { thread_.join(); }

 private:
  std::thread thread_;
};

}  // namespace sidestep::test
