#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

namespace sidestep {

/// Breaks a text between words into lines of at most `width` letters; every line but the first is indented.
std::string wrapped(std::string_view text, std::size_t first_column, std::size_t indent, std::size_t width = 80);

/// `--help` in 80 columns: usage, what it does, commands or options in two columns, details.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;
};

}  // namespace sidestep
