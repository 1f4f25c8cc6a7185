#pragma once

#include <sidestep/operators/observe_on.hpp>
#include <sidestep/operators/strand.hpp>

#include <tuple>

namespace sidestep::detail {

template <class S>
concept IsHandover = requires {
  typename S::is_handover;
};

/// Where a chain is cut: behind each observe_on. `begins[k]` is the first stage of part k, `begins[parts]` one past the
/// last.
template <class... S>
struct Cuts {
  static constexpr std::size_t parts = (std::size_t{IsHandover<S>} + ... + 1);
  static constexpr std::array<std::size_t, parts + 1> begins = [] {
    std::array<std::size_t, parts + 1> at{};
    std::size_t part = 0, i = 0;
    ((++i, IsHandover<S> ? void(at[++part] = i) : void()), ...);
    at[parts] = sizeof...(S);
    return at;
  }();
  template <std::size_t K>
  using Indexes = std::make_index_sequence<begins[K + 1] - begins[K]>;
};

template <std::size_t Begin, std::size_t... I, class Indexes, class... S>
auto slice(Leaves<Indexes, S...>& stages, std::index_sequence<I...>) {
  return Stages<At<Begin + I, S...>...>{{std::move(stage<Begin + I>(stages))}...};
}

/// The first part: stages 0 ... behind the chain's own entries.
template <class Flow, class Indexes, class... S>
struct FirstPart;
template <std::size_t... Next, class... Entries, std::size_t... I, class... S>
struct FirstPart<Flow<std::index_sequence<Next...>, Entries...>, std::index_sequence<I...>, S...> {
  using type = Part<Flow<std::index_sequence<Flow<std::index_sequence<Next...>, Entries...>::next[I]...>, Entries...>,
                    At<I, S...>...>;
};

/// A later part: one entry, one stage behind the other.
template <class V, std::size_t Begin, class Indexes, class... S>
struct LaterPart;
template <class V, std::size_t Begin, std::size_t... I, class... S>
struct LaterPart<V, Begin, std::index_sequence<I...>, S...> {
  using type = Strand<V, Part<Flow<std::index_sequence<(I + 1)...>, ItemEntry<V>>, At<Begin + I, S...>...>>;
};

/// A chain as the bus sees it: the one type-erased boundary, one virtual call for each batch. What stands before the
/// first observe_on runs here, the rest in strands.
class FusedBase : public Pipeline {
 public:
  std::vector<std::string> describe() const override;

 protected:
  explicit FusedBase(std::vector<std::string> description) noexcept : description_(std::move(description)) {}
  /// It failed, or its decider did: nothing more is run.
  bool stopped() const noexcept { return subscription_->failed() || subscription_->decider_failed(); }
  /// How long its destruction waits for a handler that is still running: it may use what dies with the bus. One that
  /// hangs is not waited for twice.
  std::chrono::nanoseconds longest_wait() const noexcept;

  Subscription* subscription_ = nullptr;

 private:
  std::vector<std::string> description_;
};

template <class First, class... Strands>
class Fused final : public FusedBase {
 public:
  Fused(auto&& first, std::tuple<std::shared_ptr<Strands>...> strands, std::vector<std::string> description)
      : FusedBase(std::move(description)), first_(std::move(first)), strands_(std::move(strands)) {
    // each part's last stage hands over to the next part
    [&]<std::size_t... I>(std::index_sequence<I...>) { (link<I>(), ...); }
    (std::index_sequence_for<Strands...>{});
  }

  ~Fused() override {
    if (subscription_ == nullptr) return;
    each([](auto& strand) { strand.retire(); });
    each([longest = longest_wait()](auto& strand) { strand.await_idle(longest); });
  }

  void bind(Subscription& subscription) override {
    subscription_ = &subscription;
    std::array<ChannelBase*, sizeof...(Strands) + 1> channels{};
    std::array<bool, sizeof...(Strands) + 1> ticks{};
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      ((channels[I] = std::get<I>(strands_).get()), ...);
      ((ticks[I] = At<I, Strands...>::wants_ticks), ...);
    }
    (std::index_sequence_for<Strands...>{});
    for (std::size_t i = sizeof...(Strands); i-- > 0;) ticks[i] |= ticks[i + 1];
    for (std::size_t i = 0; i < sizeof...(Strands); ++i) channels[i]->bind(subscription, ticks[i]);
    first_.bind(subscription, 0, nullptr, channels[0]);
    unsigned index = 0;
    each([&](auto& strand) { ++index, strand.bind_segment(subscription, index, channels[index]); });
  }

  std::size_t run(std::span<const Slot> slots) noexcept override {
    if (stopped() || first_.over()) return 0;  // else it would tell the next part again, a mark for each span
    return first_.run(slots, [](std::size_t) {});
  }
  void mark(const Mark& mark) noexcept override {
    if (!subscription_->failed() && !first_.failed()) first_.mark(mark);
  }
  bool over() const noexcept override { return first_.over() || subscription_->failed(); }
  bool quiet() const noexcept override {
    return std::apply([](const auto&... strands) { return (strands->quiet() && ...); }, strands_);
  }
  bool put_down() noexcept override {
    if (down_) return true;
    each([](auto& strand) { strand.retire(); });
    if (!quiet()) return false;
    down_ = true;
    first_.put_down();
    each([](auto& strand) { strand.put_down(); });
    return true;
  }
  bool wants_ticks() const noexcept override { return First::wants_ticks || (Strands::wants_ticks || ...); }

 private:
  template <std::size_t I>
  void link() {
    if constexpr (I == 0)
      first_.part().last().channel = std::get<0>(strands_).get();
    else
      std::get<I - 1>(strands_)->segment().part().last().channel = std::get<I>(strands_).get();
  }
  void each(auto&& f) {
    std::apply([&](auto&... strands) { (f(*strands), ...); }, strands_);
  }

  Segment<First> first_;
  std::tuple<std::shared_ptr<Strands>...> strands_;
  bool down_ = false;
};

/// The same without an observe_on, as most are.
template <class First>
class Fused<First> final : public FusedBase {
 public:
  Fused(auto&& first, std::vector<std::string> description)
      : FusedBase(std::move(description)), first_(std::move(first)) {}

  void bind(Subscription& subscription) override {
    subscription_ = &subscription;
    first_.bind(subscription, 0, nullptr, nullptr);
  }
  std::size_t run(std::span<const Slot> slots) noexcept override {
    if (stopped()) return 0;
    return first_.run(slots, [](std::size_t) {});
  }
  std::size_t run_wanted(std::span<const Slot> slots) noexcept override {
    if constexpr (First::plain) {
      if (stopped()) return 0;
      return first_.run_wanted(slots);
    } else
      return run(slots);
  }
  void mark(const Mark& mark) noexcept override {
    if (!subscription_->failed() && !first_.failed()) first_.mark(mark);
  }
  bool over() const noexcept override { return first_.over() || subscription_->failed(); }
  bool put_down() noexcept override {
    first_.put_down();
    return true;
  }
  bool wants_ticks() const noexcept override { return First::wants_ticks; }

 private:
  Segment<First> first_;
};

template <class Types, std::size_t I>
struct TypeAtOf;
template <class... T, std::size_t I>
struct TypeAtOf<TypeList<T...>, I> {
  using type = At<I, T...>;
};
template <class Types, std::size_t I>
using TypeAt = typename TypeAtOf<Types, I>::type;

/// One that is cut into several parts.
template <class Flow, class Types, class Cut, class Indexes, class... S>
std::unique_ptr<Pipeline> fuse_parts(Leaves<Indexes, S...>& stages, std::vector<std::string> description) {
  using First = typename FirstPart<Flow, typename Cut::template Indexes<0>, S...>::type;
  return [&]<std::size_t... K>(std::index_sequence<K...>)->std::unique_ptr<Pipeline> {
    [[maybe_unused]] const auto make = [&]<std::size_t P>() {
      constexpr std::size_t begin = Cut::begins[P];
      using Strand = typename LaterPart<TypeAt<Types, begin - 1>, begin, typename Cut::template Indexes<P>, S...>::type;
      const auto handover = stage<begin - 1>(stages);  // a copy: the stage itself may have moved to its part already
      return std::make_shared<Strand>(*handover.executor, handover.capacity,
                                      slice<begin>(stages, typename Cut::template Indexes<P>{}));
    };
    auto strands = std::make_tuple(make.template operator()<K + 1>()...);
    auto first = slice<0>(stages, typename Cut::template Indexes<0>{});
    return [&]<class... T>(std::tuple<std::shared_ptr<T>...>& all) -> std::unique_ptr<Pipeline> {
      return std::make_unique<Fused<First, T...>>(std::move(first), std::move(all), std::move(description));
    }(strands);
  }
  (std::make_index_sequence<Cut::parts - 1>{});
}

/// Makes the pipeline of a complete chain. `Types` are the types that the stages emit.
template <class Flow, class Types, class Indexes, class... S>
std::unique_ptr<Pipeline> fuse(Leaves<Indexes, S...>&& stages, std::vector<std::string> description) {
  using Cut = Cuts<S...>;
  if constexpr (Cut::parts == 1)
    return std::make_unique<Fused<Part<Flow, S...>>>(std::move(stages), std::move(description));
  else
    return fuse_parts<Flow, Types, Cut>(stages, std::move(description));
}

}  // namespace sidestep::detail
