#pragma once

#include <sidestep/operators.hpp>

#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>

/// The events that the tests of operators publish.
namespace sidestep::test {

struct Number {
  static constexpr EventId id = first_user_event + 200;
  static constexpr std::string_view name = "Number";
  double value;
};
struct OtherNumber {
  static constexpr EventId id = first_user_event + 201;
  static constexpr std::string_view name = "OtherNumber";
  double value;
};
struct ThirdNumber {
  static constexpr EventId id = first_user_event + 202;
  static constexpr std::string_view name = "ThirdNumber";
  double value;
};
/// One that enters both inputs of an operator of two.
struct BothNumber {
  static constexpr EventId id = first_user_event + 203;
  static constexpr std::string_view name = "BothNumber";
  double value;
};

/// What an input throws.
struct MarbleError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline std::string text_of(double value) {
  if (std::isnan(value)) return "nan";  // whatever its sign
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

/// The bus of a chain that has no end yet.
template <class In>
Bus* bus_of(const In& in) {
  if constexpr (requires { in.head.bus(); })
    return in.head.bus();
  else
    return in.bus;
}

/// The events of one input of two; infinity is an event at which it throws.
template <Event E>
auto input_of(Bus& bus) {
  return bus.on<E, BothNumber>() | map([](const OneOf<E, BothNumber>& event) {
           double value = 0;
           event.visit([&](const auto& e) { value = e.value; });
           if (std::isinf(value)) throw MarbleError("the input throws");
           return value;
         });
}

}  // namespace sidestep::test
