#pragma once

#include <sidestep/operators/fragment.hpp>
#include <sidestep/operators/storage.hpp>

#include <functional>
#include <vector>

namespace sidestep {

/// How many groups group_by has at most, and what becomes of a value whose key would be one more.
struct AtMost {
  enum class Beyond { fail, drop, replace_oldest };
  std::int64_t groups;
  Beyond beyond = Beyond::fail;
};
/// at_most(n): one more key fails the pipeline. at_most(n).dropping(): its values are dropped. at_most(n).replacing():
/// the group that has seen nothing for longest completes, and its place is the new one's.
struct at_most : AtMost {
  explicit at_most(std::int64_t n) : AtMost{n} {
    if (n < 1 || n > 1'000'000) detail::refuse("at_most", n, "from 1 to 1,000,000 groups");
  }
  at_most dropping() const { return with(Beyond::drop); }
  at_most replacing() const { return with(Beyond::replace_oldest); }

 private:
  at_most with(Beyond how) const {
    at_most copy = *this;
    copy.beyond = how;
    return copy;
  }
};

namespace detail {

[[noreturn]] void too_many_groups(std::int64_t most);

/// Where a branch puts what it emits: with its key, if the chain goes on.
template <class Key, class Out>
struct KeyedOut {
  const Key& key;
  Out& out;
  template <class R>
  void operator()(const R& value) const {
    out(std::pair<Key, R>(key, value));
  }
  template <class R>
  void at(Nanoseconds stamp, const R& value) const {
    out.at(stamp, std::pair<Key, R>(key, value));
  }
  Nanoseconds stamp() const { return out.stamp(); }
  Sequence number() const { return out.number(); }
};

template <class V, class KeyF, class F>
struct GroupBy {
  static constexpr std::string_view label = "group_by";
  using Key = std::decay_t<std::invoke_result_t<KeyF&, const V&>>;
  using One = Branch<F>;
  static constexpr bool any_saved = One::saved;
  struct Group {
    Key key{};
    std::uint64_t used = 0;
    One branch;
  };
  KeyF key_of;
  AtMost most;
  One fresh;
  std::vector<Group> groups;
  std::vector<std::uint32_t> table;  // open addressing: place in `groups`, counted from 1
  std::uint64_t seen = 0;
  GroupBy(KeyF f, AtMost how, One made) : key_of(std::move(f)), most(how), fresh(std::move(made)) {
    groups.reserve(static_cast<std::size_t>(most.groups));
    table.resize(std::bit_ceil(2 * static_cast<std::size_t>(most.groups)));
  }

  template <class In>
  using out = std::pair<Key, typename One::Emits>;
  void operator()(const V& value, auto&& out) {
    const Key key = call(key_of, value);
    Group* const group = find(key, out);
    if (group == nullptr) return;
    group->used = ++seen;
    group->branch.run(value, KeyedOut<Key, std::remove_reference_t<decltype(out)>>{group->key, out});
  }
  void tick(auto&& out) requires One::ticks {
    for (Group& group : groups)
      group.branch.tick(KeyedOut<Key, std::remove_reference_t<decltype(out)>>{group.key, out});
  }
  void end(auto&& out) {
    for (Group& group : groups) group.branch.end(KeyedOut<Key, std::remove_reference_t<decltype(out)>>{group.key, out});
  }
  void closed() {
    for (Group& group : groups) group.branch.closed();
  }
  template <class Subscription>
  void bind(Subscription& subscription, unsigned part) {
    fresh.bind(subscription, part);
  }
  void state(auto& archive) requires KnownState<KeyF> && Archivable<Key> && One::saveable {
    functor_state(key_of, archive);
    std::uint64_t count = groups.size();
    archive(seen, count);
    if (!archive.saving()) {
      if (count > static_cast<std::uint64_t>(most.groups))
        throw ArchiveError("its saved state holds more groups than at_most allows.");
      groups.clear();  // not assign(): what a chain captured may not be assignable
      while (groups.size() < count) groups.push_back({{}, 0, fresh});
    }
    for (Group& group : groups) {
      archive(group.key, group.used);
      group.branch.state(archive);
    }
    if (!archive.saving()) index();
  }
  void arguments(auto& show) const { show(most.groups); }

 private:
  std::size_t home(const Key& key) const {
    return (std::hash<Key>{}(key)*0x9e3779b97f4a7c15ULL >> 32) & (table.size() - 1);
  }
  Group* find(const Key& key, auto& out) {
    std::size_t at = home(key);
    for (; table[at] != 0; at = (at + 1) & (table.size() - 1))
      if (groups[table[at] - 1].key == key) return &groups[table[at] - 1];
    if (groups.size() < static_cast<std::size_t>(most.groups)) {
      groups.push_back({key, 0, fresh});
      table[at] = static_cast<std::uint32_t>(groups.size());
      return &groups.back();
    }
    return beyond(key, out);
  }
  SIDESTEP_APART Group* beyond(const Key& key, auto& out) {
    if (most.beyond == AtMost::Beyond::fail) too_many_groups(most.groups);
    if (most.beyond == AtMost::Beyond::drop) return nullptr;
    Group& oldest =
        *std::min_element(groups.begin(), groups.end(), [](const Group& a, const Group& b) { return a.used < b.used; });
    oldest.branch.end(KeyedOut<Key, std::remove_reference_t<decltype(out)>>{oldest.key, out});
    Group next{key, 0, fresh};  // before the old one is gone: a copy may throw
    std::destroy_at(&oldest);
    std::construct_at(&oldest, std::move(next));
    index();
    return &oldest;
  }
  void index() {
    std::fill(table.begin(), table.end(), 0);
    for (std::size_t i = 0; i < groups.size(); ++i) {
      std::size_t at = home(groups[i].key);
      while (table[at] != 0) at = (at + 1) & (table.size() - 1);
      table[at] = static_cast<std::uint32_t>(i + 1);
    }
  }
};
template <class V, class KeyF, class F>
struct TimedGroupBy : GroupBy<V, KeyF, F> {
  static constexpr bool wall_time = true;
  using GroupBy<V, KeyF, F>::GroupBy;
};
/// The same where the groups' chain ends with subscribe(...).
template <class Base>
struct EndingGroupBy : Base {
  using is_end = void;
  static constexpr bool saved = Base::any_saved;
  template <class In>
  using out = void;
  using Base::Base;
};

template <class KeyF, class Build>
struct GroupByBuilder {
  KeyF key;
  AtMost most;
  Build build;

  template <class In>
  static constexpr Wrong why = misplaced<In, Build>();
  template <class In>
  requires std::invocable<KeyF&, const In&> && Builds<Build, In>
  auto place() && {
    using F = FragmentOf<Build, In>;
    using Made = std::conditional_t<Branch<F>::wall_time, TimedGroupBy<In, KeyF, F>, GroupBy<In, KeyF, F>>;
    Branch<F> fresh(build(Fragment<In>{}));
    if constexpr (std::is_void_v<typename Branch<F>::Emits>)
      return EndingGroupBy<Made>(std::move(key), most, std::move(fresh));
    else
      return Made(std::move(key), most, std::move(fresh));
  }
};

}  // namespace detail

/// Gives the values of each key to a chain of their own, and emits what these emit with the key: std::pair(key, value).
///
///   in   -1----2----3----4----5----|
///   group_by([](double x) { return int(x) % 2; }, at_most(4), scan(0.0, std::plus<>()))
///   out  -1,1--0,2--1,4--0,6--1,9--|
///
/// A group begins with its key's first value, as a copy of the chain as it was built; it ends with the stream, and one
/// that has ended by itself (take) drops what still comes. NaN equals nothing, so each is a group of its own. No more
/// than at_most(n); what the next key meets is said there. When the chain ends with subscribe(...), so does the
/// pipeline. Keeps n groups, allocated when the pipeline is made; finding one's group is a hash look-up. Within it no
/// observe_on and no decide. Semantics: RxJava 3 `groupBy`, with each group's chain named at once instead of subscribed
/// to.
template <class KeyF, class Build>
detail::GroupByBuilder<KeyF, detail::BuilderOf<Build>> group_by(KeyF key, at_most most, Build chain) {
  return {std::move(key), most, detail::builder_of(std::move(chain))};
}

}  // namespace sidestep
