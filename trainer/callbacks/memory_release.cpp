#include <sidestep/operators/pipe.hpp>
#include <sidestep/trainer/callbacks/arguments.hpp>
#include <sidestep/trainer/callbacks/memory_release.hpp>
#include <sidestep/trainer/control/decide.hpp>

#include <fmt/format.h>

namespace sidestep {
namespace {

struct Release {
  MemoryReleaseOptions options;

  std::optional<ReleaseMemory> operator()(const OneOf<BatchEnd, EpochEnd>& event) const {
    bool due = false;
    if (const auto* batch = event.get_if<BatchEnd>())
      due = options.at.batches > 0 && batch->step % options.at.batches == 0;
    else if (const auto* epoch = event.get_if<EpochEnd>())
      due = options.at.batches == 0 && !epoch->partial && epoch->epoch % options.every_n_epochs == 0;
    return due ? std::optional<ReleaseMemory>(ReleaseMemory{}) : std::nullopt;
  }
  void state(auto&) {}  // the options are constants
};

}  // namespace

Callback memory_release(MemoryReleaseOptions options) {
  if (options.every_n_epochs < 1)
    throw CallbackError(
        fmt::format("memory_release: every_n_epochs={} never comes. Say 1 or more.", options.every_n_epochs));
  if (options.at.batches < 0)
    throw CallbackError(
        fmt::format("memory_release: at=batch:{} is no batch. Say a number from 1.", options.at.batches));
  return {"memory_release", fmt::format("every_n_epochs={},at={}", options.every_n_epochs, options.at.text()),
          [options](CallbackContext& run) { run.on<BatchEnd, EpochEnd>() | decide(run.control, Release{options}); }};
}

namespace {

constexpr CallbackOption memory_release_options[] = {
    {"every_n_epochs", "integer", "1", "at the ends of every N-th epoch"},
    {"at", "epoch|batch:N", "epoch", "batch:N: every N batches instead"}};

Callback make_memory_release(const CallbackArguments& given) {
  MemoryReleaseOptions o;
  given.integer("every_n_epochs", o.every_n_epochs, 1).when("at", o.at);
  return memory_release(o);
}

}  // namespace

constinit const CallbackEntry memory_release_entry{
    .name = "memory_release",
    .summary = "gives scratch memory back now and then",
    .options = memory_release_options,
    .make = make_memory_release,
};

}  // namespace sidestep
