#pragma once

#include <sidestep/trainer/callbacks/error.hpp>
#include <sidestep/trainer/callbacks/monitor.hpp>
#include <sidestep/trainer/control/spec.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace sidestep {

/// A callback's options as text, on their way into its options struct. Each call leaves `into` as it is if the option
/// isn't given. Throws CallbackError: what, where, the mend.
class CallbackArguments {
 public:
  explicit CallbackArguments(const Spec& spec) : spec_(spec) {}

  const CallbackArguments& text(std::string_view key, std::string& into) const;
  const CallbackArguments& path(std::string_view key, std::filesystem::path& into) const;
  template <class Integer>
  requires std::is_integral_v<Integer>
  const CallbackArguments& integer(std::string_view key, Integer& into, std::int64_t least) const {
    if (const auto value = whole(key, least, sizeof(Integer) < 8 ? INT32_MAX : INT64_MAX))
      into = static_cast<Integer>(*value);
    return *this;
  }
  const CallbackArguments& number(std::string_view key, double& into) const;
  const CallbackArguments& number(std::string_view key, std::optional<double>& into) const;  ///< "none": no number
  const CallbackArguments& flag(std::string_view key, bool& into) const;
  const CallbackArguments& flag(std::string_view key, std::optional<bool>& into) const;  ///< "auto": not said
  const CallbackArguments& letter(std::string_view key, char& into) const;
  const CallbackArguments& mode(std::string_view key, Mode& into) const;
  const CallbackArguments& when(std::string_view key, When& into) const;
  /// One of these words; returns its place, or `otherwise`.
  std::size_t one_of(std::string_view key, std::initializer_list<std::string_view> words, std::size_t otherwise) const;

 private:
  std::optional<std::int64_t> whole(std::string_view key, std::int64_t least, std::int64_t most) const;
  [[noreturn]] void refuse(std::string_view key, std::string_view value, std::string_view is,
                           std::string_view mend) const;

  const Spec& spec_;
};

}  // namespace sidestep
