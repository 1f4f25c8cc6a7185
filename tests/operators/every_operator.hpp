#pragma once

#include "operators/moments.hpp"

#include <functional>
#include <string>
#include <vector>

/// Every operator in a small chain, for what must hold of all of them.
namespace sidestep::test {

/// Sees what comes out of a chain.
struct Watcher {
  std::function<void(double)> value;
  std::function<void()> end;
};

struct NamedChain {
  std::string name;
  std::function<Handle(Bus&, Watcher&)> attach;
  bool catches = false;  ///< not all that its functors throw fails it
};

/// Chains of Number (and OtherNumber, BothNumber) that run on the dispatcher's thread. Values from 0 to 9 fail none of
/// them.
const std::vector<NamedChain>& every_operator();
/// Some of them with an observe_on before or behind.
const std::vector<NamedChain>& observed_operators();

/// What the functors of those chains, and their sources, call each time. The n-th call on this thread throws, once.
void throw_at_call(int n);
bool has_thrown();
void may_throw();

}  // namespace sidestep::test
