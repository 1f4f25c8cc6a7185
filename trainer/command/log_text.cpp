#include <sidestep/trainer/command/log_text.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>

#include <fmt/format.h>
#include <sidestep/trainer/command/log_selection.hpp>

namespace sidestep {
namespace {

std::string json_text(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void append_number(std::string& to, double value, bool json) {
  if (std::isfinite(value))
    fmt::format_to(std::back_inserter(to), "{}", value);
  else
    to += json ? "null" : std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

template <class TextForm>
void append(std::string& to, const FieldValue& value, bool json, TextForm text_form) {
  std::visit(
      [&]<class T>(const T& one) {
        if constexpr (std::is_same_v<T, std::string>)
          to += text_form(one);
        else if constexpr (std::is_same_v<T, double>)
          append_number(to, one, json);
        else if constexpr (std::is_same_v<T, bool>)
          to += one ? "true" : "false";
        else
          fmt::format_to(std::back_inserter(to), "{}", one);
      },
      value);
}

void append_hexadecimal(std::string& to, const LoggedEvent& event) {
  for (std::size_t i = 0; i < event.size; ++i)
    fmt::format_to(std::back_inserter(to), "{:02x}", static_cast<unsigned>(event.body[i]));
}

/// As it is where that can be told apart from what stands beside it.
std::string bare(const std::string& text) {
  const bool plain = !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '=';
  });
  return plain ? text : json_text(text);
}

std::string csv_text(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + '"';
}

}  // namespace

void LogLines::line(std::string& to, const LoggedEvent& event) {
  fmt::format_to(std::back_inserter(to), "{} {}#{} {}", utc(event.stamp), bare(catalog_.ring_name(event.ring)),
                 event.sequence, bare(catalog_.type_name(event.type)));
  const LoggedType* const type = catalog_.type(event.type);
  if (type == nullptr || type->fields.empty()) {
    to += ' ';
    append_hexadecimal(to, event);
  } else {
    for (const FieldLayout& field : type->fields)
      if (const auto value = catalog_.value(event, field)) {
        fmt::format_to(std::back_inserter(to), " {}=", bare(field.name));
        append(to, *value, false, bare);
      }
  }
  to += '\n';
}

void LogJsonl::line(std::string& to, const LoggedEvent& event) {
  fmt::format_to(std::back_inserter(to), "{{\"stamp\":{},\"ring\":{},\"sequence\":{},\"type\":{},", event.stamp,
                 json_text(catalog_.ring_name(event.ring)), event.sequence, json_text(catalog_.type_name(event.type)));
  const LoggedType* const type = catalog_.type(event.type);
  if (type == nullptr || type->fields.empty()) {
    to += "\"body\":\"";
    append_hexadecimal(to, event);
    to += "\"}\n";
    return;
  }
  to += "\"fields\":{";
  bool first = true;
  for (const FieldLayout& field : type->fields)
    if (const auto value = catalog_.value(event, field)) {
      if (!std::exchange(first, false)) to += ',';
      to += json_text(field.name) + ':';
      append(to, *value, true, json_text);
    }
  to += "}}\n";
}

LogCsv::LogCsv(const LogCatalog& catalog, const std::vector<std::string>& types) : LogText(catalog) {
  for (const auto& [id, type] : catalog.types()) {
    if (!types.empty() && std::ranges::find(types, type.name) == types.end()) continue;
    bodies_ |= type.fields.empty();
    for (const FieldLayout& field : type.fields)
      if (std::ranges::find(columns_, field.name) == columns_.end()) columns_.push_back(field.name);
  }
  for (const auto& [id, type] : catalog.types())
    for (const std::string& column : columns_) {
      const FieldLayout* const field = type.field(column);
      fields_[id].push_back(field != nullptr ? std::optional(*field) : std::nullopt);
    }
}

std::string LogCsv::head() {
  std::string head = "stamp,ring,sequence,type";
  for (const std::string& column : columns_) head += ',' + csv_text(column);
  return head + (bodies_ ? ",body\n" : "\n");
}

void LogCsv::line(std::string& to, const LoggedEvent& event) {
  fmt::format_to(std::back_inserter(to), "{},{},{},{}", event.stamp, csv_text(catalog_.ring_name(event.ring)),
                 event.sequence, csv_text(catalog_.type_name(event.type)));
  const auto found = fields_.find(event.type);
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    to += ',';
    if (found == fields_.end() || !found->second[i]) continue;
    if (const auto value = catalog_.value(event, *found->second[i])) append(to, *value, false, csv_text);
  }
  if (bodies_) {
    to += ',';
    const LoggedType* const type = catalog_.type(event.type);
    if (type == nullptr || type->fields.empty()) append_hexadecimal(to, event);
  }
  to += '\n';
}

}  // namespace sidestep
