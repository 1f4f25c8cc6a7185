#include <sidestep/operators/describe.hpp>

#include <sidestep/operators/stage.hpp>

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

void describe_entries(Describer& to, std::span<const std::size_t> targets, std::span<const std::string_view> types,
                      std::size_t at) {
  for (std::size_t i = 0; i < targets.size(); ++i)
    if (targets[i] == at) to.type(types[i]);
}

}  // namespace sidestep::detail
