#pragma once

#include <sidestep/bus/archive.hpp>
#include <sidestep/bus/name.hpp>
#include <sidestep/bus/types.hpp>
#include <sidestep/trainer/control/schedule.hpp>
#include <sidestep/trainer/control/text.hpp>

#include <array>
#include <concepts>
#include <cstring>
#include <optional>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <variant>

namespace sidestep {

// What a pipeline may ask of the training loop. Each is plain data with a stable name, so that it can wait in a queue,
// and in a checkpoint. Yours, in four lines (loop.on<UnfreezeBackbone>(f) says what it does):
//
//   struct UnfreezeBackbone {
//     static constexpr std::string_view decision = "unfreeze_backbone";
//     std::int64_t layers;
//     sidestep::Reason reason;                        // optional; stands in the report
//     static constexpr bool at_fit_end = true;        // optional: also when caused by FitEnd
//     double value() const { return layers; }         // optional: DecisionApplied::value
//   };

/// The run ends at this boundary. The loop's own.
struct Stop {
  static constexpr std::string_view decision = "stop";
  Reason reason{};
};

/// Sets the learning rate and ends any schedule and scaling of it.
struct SetLearningRate {
  static constexpr std::string_view decision = "set_learning_rate";
  double learning_rate = 0;
  Reason reason{};
  double value() const noexcept { return learning_rate; }
};

/// Multiplies the learning rate, schedule included, but no further down than to `min_lr` where it is applied; never
/// raises it.
struct ScaleLearningRate {
  static constexpr std::string_view decision = "scale_learning_rate";
  double by = 1;
  double min_lr = 0;
  Reason reason{};
  double value() const noexcept { return by; }
};

/// From the next step on the learning rate is schedule(step) x the factor that scaling has made.
struct SetSchedule {
  static constexpr std::string_view decision = "set_schedule";
  Schedule schedule{};
  Reason reason{};
  double value() const noexcept { return schedule.base; }
};

/// Cuts a checkpoint at this boundary, under this name in the checkpoint folder. All those of one boundary are one cut.
/// The loop's own.
struct SaveCheckpoint {
  static constexpr std::string_view decision = "save_checkpoint";
  ShortText file{};
  std::array<ShortText, 3> supersedes{};  ///< files that go, once this one and a `last` that knows of it are visible
  bool last = false;                      ///< the file from which a run goes on
  Reason reason{};
};

/// An immutable copy of the weights as of this boundary, one for each owner, the newest.
struct KeepWeights {
  static constexpr std::string_view decision = "keep_weights";
  ShortText owner{};
  Reason reason{};
};

/// Brings back the weights that `owner` asked to keep at the event of step `cause_step`; refused if those aren't the
/// ones kept.
struct RestoreBest {
  static constexpr std::string_view decision = "restore_best";
  static constexpr bool at_fit_end = true;
  ShortText owner{};
  Step cause_step = 0;
  Reason reason{};
  double value() const noexcept { return static_cast<double>(cause_step); }
};

/// Runs a validation behind this boundary; it ends in a boundary of its own.
struct Validate {
  static constexpr std::string_view decision = "validate";
  Reason reason{};
};

/// Gives scratch memory back.
struct ReleaseMemory {
  static constexpr std::string_view decision = "release_memory";
  static constexpr bool at_fit_end = true;
  Reason reason{};
};

/// The type can be asked for: trivially copyable, at most 512 bytes, with a name.
template <class D>
concept DecisionType =
    std::is_trivially_copyable_v<D> && !std::is_pointer_v<D> && sizeof(D) <= 512 && alignof(D) <= 8 && requires {
  { D::decision } -> std::convertible_to<std::string_view>;
};

/// What the process knows of a decision's type.
struct DecisionInfo {
  std::string_view name;
  Name kind;
  std::uint16_t size = 0;
  bool at_fit_end = false;
  double (*value)(const void*) = nullptr;
  std::string_view (*reason)(const void*) = nullptr;
};

/// Two types of different size share a name, or a checkpoint's doesn't fit the type here.
struct DecisionError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

const DecisionInfo& register_decision(DecisionInfo info);
/// The type with this name, or null.
const DecisionInfo* find_decision(Name kind);

template <DecisionType D>
const DecisionInfo& decision_info() {
  static const DecisionInfo& info = [&]() -> const DecisionInfo& {
    DecisionInfo made;
    made.name = D::decision;
    made.size = sizeof(D);
    if constexpr (requires { D::at_fit_end; }) made.at_fit_end = D::at_fit_end;
    if constexpr (requires(const D& d) { static_cast<double>(d.value()); })
      made.value = [](const void* d) { return static_cast<double>(static_cast<const D*>(d)->value()); };
    if constexpr (requires(const D& d) { std::string_view(d.reason); })
      made.reason = [](const void* d) { return std::string_view(static_cast<const D*>(d)->reason); };
    return register_decision(made);
  }();
  return info;
}

/// Any decision, by value.
class Decision {
 public:
  static constexpr std::size_t capacity = 512;

  Decision() = default;
  template <DecisionType D>
  Decision(const D& decision) : kind_(decision_info<D>().kind), size_(sizeof(D)) {
    const D plain = detail::without_padding(decision);  // it may wait in a checkpoint
    std::memcpy(bytes_.data(), &plain, sizeof(D));
  }
  /// As it stood in a checkpoint. Throws DecisionError if it is too long.
  Decision(Name kind, std::span<const std::byte> bytes);

  Name kind() const noexcept { return kind_; }
  std::string_view name() const { return kind_.text(); }
  std::span<const std::byte> bytes() const noexcept { return {bytes_.data(), size_}; }
  /// The decision as a D, if it is one (of the size that D has here).
  template <DecisionType D>
  const D* get_if() const {
    return kind_ == decision_info<D>().kind && size_ == sizeof(D) ? reinterpret_cast<const D*>(bytes_.data()) : nullptr;
  }
  /// Its number for people (a factor, a rate), 0 without.
  double value() const;
  std::string_view reason() const;

 private:
  Name kind_;
  std::uint16_t size_ = 0;
  alignas(8) std::array<std::byte, capacity> bytes_{};
};

/// Up to four decisions at one event, asked in this order.
///
///   return Decisions{}.ask(KeepWeights{"early_stopping"}).ask(SaveCheckpoint{.file = "best.safetensors"});
class Decisions {
 public:
  static constexpr std::size_t most = 4;
  Decisions& ask(const Decision& decision);  ///< throws DecisionError at the fifth
  std::span<const Decision> all() const noexcept { return {list_.data(), size_}; }
  bool empty() const noexcept { return size_ == 0; }

 private:
  std::array<Decision, most> list_;
  std::size_t size_ = 0;
};

namespace detail {

template <class T>
struct IsDecisionResult : std::bool_constant<DecisionType<T> || std::same_as<T, Decision> ||
                                             std::same_as<T, Decisions> || std::same_as<T, std::monostate>> {};
template <class T>
struct IsDecisionResult<std::optional<T>> : IsDecisionResult<T> {};
template <class... T>
struct IsDecisionResult<std::variant<T...>> : std::bool_constant<(IsDecisionResult<T>::value && ...)> {};

/// Calls f(const Decision&) for each decision in a functor's result.
template <class R, class F>
void each_decision(const R& result, F&& f) {
  if constexpr (std::same_as<R, std::monostate>)
    return;
  else if constexpr (DecisionType<R>)
    f(Decision(result));
  else if constexpr (std::same_as<R, Decision>) {
    if (result.kind() != Name{}) f(result);
  } else if constexpr (std::same_as<R, Decisions>) {
    for (const Decision& one : result.all()) f(one);
  } else if constexpr (requires { result.has_value(); }) {
    if (result) each_decision(*result, f);
  } else
    std::visit([&](const auto& one) { each_decision(one, f); }, result);
}

}  // namespace detail

/// What the functor of decide(control, f) may return: a decision, several (Decisions), perhaps one (optional), one of
/// these (variant).
template <class R>
concept DecisionResult = detail::IsDecisionResult<std::remove_cvref_t<R>>::value;

}  // namespace sidestep
