#pragma once

#include <sidestep/operators/storage.hpp>

#include <utility>

namespace sidestep::detail {

/// A pair of which one half is only seen (an event of several types) is kept with what that half stands for.
template <class A, class B>
requires(!std::same_as<Stored<A>, A> || !std::same_as<Stored<B>, B>) struct Storage<std::pair<A, B>> {
  using type = std::pair<Stored<A>, Stored<B>>;
  static type store(const std::pair<A, B>& value) {
    return type(Storage<A>::store(value.first), Storage<B>::store(value.second));
  }
  static std::pair<A, B> load(const type& stored) {
    return std::pair<A, B>(Storage<A>::load(stored.first), Storage<B>::load(stored.second));
  }
};

}  // namespace sidestep::detail
