#include <sidestep/operators/describe.hpp>

#include <sidestep/operators/stage.hpp>

#include <algorithm>
#include <cstdio>

namespace sidestep::detail {
namespace {

/// "sidestep::OneOf<sidestep::A, sidestep::B>" -> "OneOf<A, B>"
std::string shortened(std::string_view name) {
  constexpr std::string_view ours = "sidestep::";
  std::string text;
  while (!name.empty()) {
    if (name.starts_with(ours))
      name.remove_prefix(ours.size());
    else
      text += name.front(), name.remove_prefix(1);
  }
  return text;
}

}  // namespace

void refuse(std::string_view what, std::int64_t argument, std::string_view why) {
  std::string text(what);
  text.append(1, '(').append(std::to_string(argument)).append("): ").append(why);
  throw OperatorError(text);
}

void refuse_real(std::string_view what, double argument, std::string_view why) {
  char number[32];
  std::snprintf(number, sizeof number, "%.6g", argument);
  throw OperatorError(std::string(what).append(1, '(').append(number).append("): ").append(why));
}

void Describer::type(std::string_view name) { lines_.push_back(shortened(name)); }

void Describer::stage(std::string_view name) {
  lines_.push_back(shortened(name));
  arguments_ = false;
}

void Describer::argument(std::int64_t value) { argument(std::string_view(std::to_string(value))); }

void Describer::argument(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", value);
  argument(std::string_view(text));
}

void Describer::argument(std::string_view value) {
  lines_.back().append(arguments_ ? ", " : "(").append(value);
  arguments_ = true;
}

void Describer::end_stage() {
  if (arguments_) lines_.back() += ')';
}

std::vector<std::string> describe_chain(const DescribedChain& chain) {
  const std::span targets(chain.targets, chain.entries), next(chain.next, chain.count);
  Describer to;
  for (std::size_t at = 0; at < chain.count; ++at) {
    for (std::size_t i = 0; i < targets.size(); ++i)
      if (targets[i] == at)
        to.type(targets.size() > 1 ? "from " + std::string(chain.types[i]) : std::string(chain.types[i]));
    const auto branches = std::count(targets.begin(), targets.end(), at) + std::count(next.begin(), next.end(), at);
    if (branches > 1) to.type(std::to_string(branches) + " together");
    chain.lines[at].describe(to, chain.stages[at]);
    if (!chain.lines[at].ends) to.type(chain.lines[at].emits);
  }
  return std::move(to).take();
}

}  // namespace sidestep::detail
