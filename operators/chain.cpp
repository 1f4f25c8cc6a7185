#include <sidestep/operators/chain.hpp>

namespace sidestep::detail {

HeldOptions::HeldOptions(PipelineOptions&& options) : at_(new PipelineOptions(std::move(options))) {}

HeldOptions::HeldOptions(const HeldOptions& other) : at_(new PipelineOptions(*other.at_)) {}

void HeldOptions::destroy() noexcept { delete at_; }

Handle add_to(Bus& bus, std::unique_ptr<Pipeline> pipeline, HeldOptions&& options) {
  return bus.add(std::move(pipeline), std::move(*options));
}

std::vector<std::string> FusedBase::describe() const { return description_; }

std::chrono::nanoseconds FusedBase::longest_wait() const noexcept {
  return subscription_->failed() ? std::chrono::milliseconds(200) : subscription_->deadline();
}

}  // namespace sidestep::detail
