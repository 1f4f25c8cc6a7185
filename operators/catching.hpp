#pragma once

#include <sidestep/operators/inline.hpp>

#include <cstddef>
#include <exception>
#include <string>

/// Who takes what a stage throws.
namespace sidestep::detail {

/// A stage that takes what stages before it throw: `bool inside`, true while what follows it runs, and `caught(what,
/// out)`.
template <class S>
concept Catches = requires {
  requires S::catches;
};
/// One that then lets go on what is before it, `told(what)`: of what one event has brought, the value that was thrown
/// at is lost alone.
template <class S>
concept GoesOn = Catches<S> && requires {
  requires S::goes_on;
};

/// What an exception says.
std::string message_of(const std::exception_ptr& error) noexcept;

inline constexpr std::size_t nobody = ~std::size_t{0};

/// The stage that is told of what is thrown at stage `at`, if it is one of those that go on.
template <class... S>
constexpr std::size_t goes_on_behind(std::size_t at, auto next) {
  constexpr std::size_t count = sizeof...(S);
  constexpr bool catches[] = {Catches<S>...}, goes_on[] = {GoesOn<S>...};
  const std::size_t begin = at;
  while (at < count && !catches[at]) at = next(at);
  return at < count && at != begin && goes_on[at] ? at : nobody;
}

/// Hands a value on with f(). What is thrown at it is told to `catcher`, and whoever emitted it goes on; unless it was
/// what the catcher itself emitted that was thrown at: that goes further.
SIDESTEP_APART void going_on(auto& catcher, auto&& f) {
  try {
    f();
  } catch (...) {
    if (catcher.inside) throw;
    catcher.inside = true;  // what its functor throws goes further too
    catcher.told(message_of(std::current_exception()));
    catcher.inside = false;
  }
}

}  // namespace sidestep::detail
