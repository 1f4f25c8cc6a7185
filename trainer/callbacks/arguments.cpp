#include <sidestep/trainer/callbacks/arguments.hpp>
#include <sidestep/trainer/control/nearest.hpp>
#include <sidestep/trainer/control/numbers.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace sidestep {

void CallbackArguments::refuse(std::string_view key, std::string_view value, std::string_view is,
                               std::string_view mend) const {
  throw CallbackError(fmt::format("callback {}: {}={} is {}. Say {}.", spec_.name, key, value, is, mend));
}

const CallbackArguments& CallbackArguments::text(std::string_view key, std::string& into) const {
  if (const std::string* const value = spec_.find(key)) into = *value;
  return *this;
}

const CallbackArguments& CallbackArguments::path(std::string_view key, std::filesystem::path& into) const {
  if (const std::string* const value = spec_.find(key)) into = *value;
  return *this;
}

std::optional<std::int64_t> CallbackArguments::whole(std::string_view key, std::int64_t least,
                                                     std::int64_t most) const {
  const std::string* const text = spec_.find(key);
  if (text == nullptr) return {};
  const auto value = whole_number(*text);
  const std::string mend = fmt::format("a whole number from {}", least);
  if (!value) refuse(key, *text, "not a whole number", mend);
  if (*value < least || *value > most) refuse(key, *text, "out of range", mend);
  return value;
}

const CallbackArguments& CallbackArguments::number(std::string_view key, double& into) const {
  const std::string* const text = spec_.find(key);
  if (text == nullptr) return *this;
  const auto value = finite_number(*text);
  if (!value) refuse(key, *text, "not a finite number", "one such as 0.5 or 1e-4");
  into = *value;
  return *this;
}

const CallbackArguments& CallbackArguments::number(std::string_view key, std::optional<double>& into) const {
  const std::string* const text = spec_.find(key);
  if (text == nullptr) return *this;
  double value = 0;
  if (*text == "none")
    into.reset();
  else
    number(key, value), into = value;
  return *this;
}

const CallbackArguments& CallbackArguments::flag(std::string_view key, bool& into) const {
  into = one_of(key, {"no", "yes", "false", "true", "0", "1"}, into ? 1 : 0) % 2 == 1;
  return *this;
}

const CallbackArguments& CallbackArguments::flag(std::string_view key, std::optional<bool>& into) const {
  const std::size_t word = one_of(key, {"no", "yes", "auto"}, into ? (*into ? 1 : 0) : 2);
  into = word == 2 ? std::nullopt : std::optional<bool>(word == 1);
  return *this;
}

const CallbackArguments& CallbackArguments::letter(std::string_view key, char& into) const {
  const std::string* const text = spec_.find(key);
  if (text == nullptr) return *this;
  if (text->size() != 1) refuse(key, *text, "not one character", "';', for instance");
  into = text->front();
  return *this;
}

const CallbackArguments& CallbackArguments::mode(std::string_view key, Mode& into) const {
  into = static_cast<Mode>(one_of(key, {"auto", "min", "max"}, static_cast<std::size_t>(into)));
  return *this;
}

const CallbackArguments& CallbackArguments::when(std::string_view key, When& into) const {
  const std::string* const text = spec_.find(key);
  if (text == nullptr) return *this;
  constexpr std::string_view batch = "batch:";
  if (*text == "epoch") {
    into = epoch_end;
    return *this;
  }
  const auto value =
      text->starts_with(batch) ? whole_number(std::string_view(*text).substr(batch.size())) : std::nullopt;
  if (!value || *value < 1) refuse(key, *text, "no moment", "epoch, or batch:N with an N from 1");
  into = batches(*value);
  return *this;
}

std::size_t CallbackArguments::one_of(std::string_view key, std::initializer_list<std::string_view> words,
                                      std::size_t otherwise) const {
  const std::string* const text = spec_.find(key);
  if (text == nullptr) return otherwise;
  const auto at = std::ranges::find(words, *text);
  if (at == words.end()) {
    const std::vector<std::string_view> names(words);
    throw CallbackError(
        fmt::format("callback {}: {}={} is unknown. {}", spec_.name, key, *text, did_you_mean(*text, names)));
  }
  return static_cast<std::size_t>(at - words.begin());
}

}  // namespace sidestep
