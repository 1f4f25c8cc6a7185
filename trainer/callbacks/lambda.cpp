#include <sidestep/operators/filter.hpp>
#include <sidestep/operators/observe_on.hpp>
#include <sidestep/operators/subscribe.hpp>
#include <sidestep/trainer/callbacks/any_event.hpp>
#include <sidestep/trainer/callbacks/lambda.hpp>

#include <algorithm>
#include <memory>
#include <vector>

namespace sidestep {
namespace {

struct Call {
  EventId type;
  std::function<void(const Slot&)> function;
};

template <Event E>
void add(std::vector<Call>& calls, std::function<void(const E&)> function) {
  if (!function) return;
  (void)event_info<E>();
  calls.push_back({event_id<E>, [function = std::move(function)](const Slot& slot) { function(slot.as<E>()); }});
}

}  // namespace

Callback lambda(LambdaOptions f) {
  auto calls = std::make_shared<std::vector<Call>>();
  add(*calls, std::move(f.on_fit_begin)), add(*calls, std::move(f.on_fit_end));
  add(*calls, std::move(f.on_epoch_begin)), add(*calls, std::move(f.on_epoch_end));
  add(*calls, std::move(f.on_batch_begin)), add(*calls, std::move(f.on_batch_end));
  add(*calls, std::move(f.on_validation_begin)), add(*calls, std::move(f.on_validation_end));
  add(*calls, std::move(f.on_test_end)), add(*calls, std::move(f.on_metric));
  add(*calls, std::move(f.on_checkpoint_saved)), add(*calls, std::move(f.on_checkpoint_loaded));
  add(*calls, std::move(f.on_decision_applied)), add(*calls, std::move(f.on_decision_refused));
  add(*calls, std::move(f.on_pipeline_failed)), add(*calls, std::move(f.on_exception_raised));
  add(*calls, std::move(f.on_memory_released));
  return {"lambda", "", [calls](CallbackContext& run) {
            std::vector<EventId> types;
            for (const Call& call : *calls) types.push_back(call.type);
            const auto find = [calls](const Slot& slot) { return std::ranges::find(*calls, slot.type, &Call::type); };
            // events of other streams too: CheckpointSaved isn't the trainer's
            detail::any_event(run, types, Stream::all) |
                filter([calls, find](const Slot& slot) { return find(slot) != calls->end(); }) | observe_on(io) |
                subscribe([calls, find](const Slot& slot) { find(slot)->function(slot); });
          }};
}

constinit const CallbackEntry lambda_entry{
    .name = "lambda",
    .summary = "functions of yours for events, for programs",
};

}  // namespace sidestep
