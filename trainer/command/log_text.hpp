#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sidestep/bus/log_reader.hpp>

namespace sidestep {

/// Events of a log as text.
class LogText {
 public:
  explicit LogText(const LogCatalog& catalog) : catalog_(catalog) {}
  virtual ~LogText() = default;
  /// What comes before all events.
  virtual std::string head() { return {}; }
  /// One line, its end included, behind what `to` holds.
  virtual void line(std::string& to, const LoggedEvent& event) = 0;

 protected:
  const LogCatalog& catalog_;
};

/// 2026-01-31T23:59:58.123456789Z trainer#12 BatchEnd step=6 epoch=1 loss=0.25
class LogLines final : public LogText {
 public:
  using LogText::LogText;
  void line(std::string& to, const LoggedEvent& event) override;
};

/// {"stamp":1796000000123456789,"ring":"trainer","sequence":12,"type":"BatchEnd","fields":{"step":6,"epoch":1,"loss":0.25}}
/// What has no fields has "body" instead, in hexadecimal digits.
class LogJsonl final : public LogText {
 public:
  using LogText::LogText;
  void line(std::string& to, const LoggedEvent& event) override;
};

/// stamp,ring,sequence,type, and a column for each name of a field; the catalog must be complete.
class LogCsv final : public LogText {
 public:
  /// Only the columns of these types; none: of all.
  explicit LogCsv(const LogCatalog& catalog, const std::vector<std::string>& types = {});
  std::string head() override;
  void line(std::string& to, const LoggedEvent& event) override;

 private:
  std::vector<std::string> columns_;
  // by column; none: the type has none of this name
  std::map<EventId, std::vector<std::optional<FieldLayout>>> fields_;
  bool bodies_ = false;
};

}  // namespace sidestep
