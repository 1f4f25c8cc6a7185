#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sidestep {

/// At most N bytes of UTF-8, inline: trivially copyable, no pointer, so that it can wait in a queue or in a checkpoint.
/// What is longer is cut at a character's boundary. Unused bytes are zero: equal texts are equal bytes.
template <std::size_t N>
class Text {
  static_assert(N < 256, "the length is one byte");

 public:
  constexpr Text() = default;
  constexpr Text(std::string_view text) {
    std::size_t end = text.size();
    if (end > N) {
      end = N;
      // 10xxxxxx continues a character: what would begin in its middle goes
      while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    }
    for (std::size_t i = 0; i < end; ++i) bytes_[i] = text[i];
    size_ = static_cast<std::uint8_t>(end);
  }
  constexpr Text(const char* text) : Text(std::string_view(text)) {}
  Text(const std::string& text) : Text(std::string_view(text)) {}

  constexpr std::string_view view() const noexcept { return {bytes_.data(), size_ < N ? size_ : N}; }
  constexpr operator std::string_view() const noexcept { return view(); }
  constexpr bool empty() const noexcept { return size_ == 0; }
  friend constexpr bool operator==(const Text&, const Text&) = default;

 private:
  std::uint8_t size_ = 0;
  std::array<char, N> bytes_{};
};

/// Why a decision was made, for people.
using Reason = Text<95>;
/// A callback's or file's name.
using ShortText = Text<63>;

}  // namespace sidestep
