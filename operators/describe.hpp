#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace sidestep::detail {

/// A type's name as the compiler spells it.
template <class T>
constexpr std::string_view type_name() {
  std::string_view text = __PRETTY_FUNCTION__;
  text.remove_prefix(text.find("T = ") + 4);
  return text.substr(0, text.find_first_of(";]"));
}

/// Collects a pipeline's lines: value types and stages in turn. Kept out of the templates.
class Describer {
 public:
  void type(std::string_view name);
  void stage(std::string_view name);
  void argument(std::int64_t value);
  void argument(double value);
  void argument(std::string_view value);
  void end_stage();
  template <class... A>
  void operator()(const A&... values) {
    (show(values), ...);
  }
  std::vector<std::string> take() && { return std::move(lines_); }

 private:
  template <class A>
  void show(const A& value) {
    if constexpr (std::is_floating_point_v<A>)
      argument(static_cast<double>(value));
    else if constexpr (std::is_arithmetic_v<A>)
      argument(static_cast<std::int64_t>(value));
    else
      argument(std::string_view(value));
  }
  std::vector<std::string> lines_;
  bool arguments_ = false;
};

template <class S>
void describe_stage(Describer& to, const void* at) {
  [[maybe_unused]] const S& stage = *static_cast<const S*>(at);
  if constexpr (requires { S::label; })
    to.stage(S::label);
  else
    to.stage(type_name<S>());
  if constexpr (requires { stage.arguments(to); }) stage.arguments(to);
  to.end_stage();
}

struct DescribedStage {
  void (*describe)(Describer& to, const void* stage);
  std::string_view emits;
  bool ends;  ///< it emits nothing
};

/// Pointers, not spans: these are made for each chain, and a span of each length takes the compiler 10 ms.
struct DescribedChain {
  const DescribedStage* lines;
  const void* const* stages;
  const std::size_t* next;
  std::size_t count;
  const std::size_t* targets;
  const std::string_view* types;
  std::size_t entries;
};
/// All lines of a chain: the types of the entries that lead to a stage, the stage, what it emits. Where a chain has
/// several entries, each is "from ...", and before a stage that several branches lead to stands how many: "2 together".
std::vector<std::string> describe_chain(const DescribedChain& chain);

}  // namespace sidestep::detail
