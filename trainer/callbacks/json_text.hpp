#pragma once

#include <sidestep/bus/event.hpp>

#include <charconv>
#include <cmath>
#include <string>
#include <string_view>

namespace sidestep {

/// Writes one flat JSON object, by hand: a line of a log is written thousands of times a second.
/// Reals are the shortest text that reads back to the same number; what JSON can't say (NaN, infinities) is null.
class JsonText final : public FieldVisitor {
 public:
  void begin() { text_ = "{"; }
  std::string_view end() { return text_ += '}'; }

  /// A cause_step below 0 is none, which report.json says with null.
  void integer(std::string_view name, std::int64_t value) override {
    if (value < 0 && name == "cause_step")
      (key(name), text_ += "null");
    else
      number(name, value);
  }
  void real(std::string_view name, double value) override {
    if (std::isfinite(value))
      number(name, value);
    else
      (key(name), text_ += "null");
  }
  void boolean(std::string_view name, bool value) override { key(name), text_ += value ? "true" : "false"; }
  void text(std::string_view name, std::string_view value) override { key(name), quote(value); }
  /// Seconds since 1970, to the microsecond.
  void time(std::string_view name, Nanoseconds value) {
    key(name);
    append(value / 1'000'000'000);
    std::string micros = std::to_string(value / 1'000 % 1'000'000);
    text_ += '.';
    text_.append(6 - micros.size(), '0');
    text_ += micros;
  }

 private:
  void key(std::string_view name) {
    if (text_.size() > 1) text_ += ',';
    quote(name);
    text_ += ':';
  }
  void quote(std::string_view value) {
    text_ += '"';
    for (const char c : value) {
      if (c == '"' || c == '\\')
        (text_ += '\\') += c;
      else if (static_cast<unsigned char>(c) < 0x20)
        escape(c);
      else
        text_ += c;
    }
    text_ += '"';
  }
  void escape(char c) {
    constexpr std::string_view digits = "0123456789abcdef";
    text_ += "\\u00";
    text_ += digits[static_cast<unsigned char>(c) >> 4];
    text_ += digits[static_cast<unsigned char>(c) & 15];
  }
  void number(std::string_view name, auto value) { key(name), append(value); }
  void append(auto value) {
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, value);
    text_.append(digits, end.ptr);
  }

  std::string text_;
};

}  // namespace sidestep
