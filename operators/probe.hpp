#pragma once

#include <sidestep/bus/clock.hpp>
#include <sidestep/operators/stage.hpp>

#include <atomic>
#include <memory>
#include <string>

namespace sidestep {

/// What passes at one point of a chain, readable from any thread: how many values, the stamp of the newest, and how far
/// behind its stamp the chain is.
///
///   Probe seen("behind the filter");
///   bus.on<BatchEnd>() | filter(...) | probe(seen) | ...
class Probe {
 public:
  explicit Probe(std::string name) : name_(std::move(name)), counts_(std::make_shared<Counts>()) {}

  const std::string& name() const noexcept { return name_; }
  // relaxed, each: a number that is shown, and orders nothing
  std::uint64_t values() const noexcept { return counts_->values.load(std::memory_order_relaxed); }
  Nanoseconds last_stamp() const noexcept { return counts_->stamp.load(std::memory_order_relaxed); }
  /// From the event's stamp to here: of the newest one in 64.
  Nanoseconds delay() const noexcept { return counts_->delay.load(std::memory_order_relaxed); }

  struct Counts {
    std::atomic<std::uint64_t> values{0};
    std::atomic<Nanoseconds> stamp{0}, delay{0};
  };
  const std::shared_ptr<Counts>& counts() const noexcept { return counts_; }

 private:
  std::string name_;
  std::shared_ptr<Counts> counts_;
};

/// Counts what passes.
///
///   in   --1--2--3--|
///   probe(Probe("here"))
///   out  --1--2--3--|      and values() is 3
///
/// Costs two stores to memory of its own a value, and a look at the clock for one in 64. Not part of checkpoints: it
/// begins anew. Keeps three numbers, which all copies of the Probe share, and its name.
class probe {
 public:
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "probe";
  explicit probe(const Probe& at) : name_(at.name()), counts_(at.counts()) {}

  template <class In>
  using out = In;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&& out) {
    // relaxed: only this stage stores them
    const std::uint64_t before = counts_->values.load(std::memory_order_relaxed);
    counts_->values.store(before + 1, std::memory_order_relaxed);
    counts_->stamp.store(out.stamp(), std::memory_order_relaxed);
    if (before % 64 == 0) [[unlikely]]
      counts_->delay.store(clock_.now() - out.stamp(), std::memory_order_relaxed);
    out(value);
  }
  template <class Subscription>
  void bind(Subscription& subscription, unsigned) {
    clock_ = subscription.clock();
  }
  void state(auto&) {}
  void arguments(auto& show) const { show(std::string_view(name_)); }

 private:
  std::string name_;
  std::shared_ptr<Probe::Counts> counts_;
  Clock clock_;
};

}  // namespace sidestep
