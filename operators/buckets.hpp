#pragma once

#include <sidestep/operators/inline.hpp>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace sidestep::detail {

/// Counts numbers by the top 19 bits of their double (sign, exponent, 7 bits of the fraction), in the order of the
/// numbers. That is DDSketch (Masson, Rim, Lee 2019) with a logarithm that is interpolated linearly between powers of
/// two, and with room for every double, so that nothing is ever collapsed. Memory is taken from the system when numbers
/// first fall into it, 4 KB for 4 or 8 powers of two.
template <class Count>
class Buckets {
 public:
  static constexpr unsigned dropped_bits = 45;
  static constexpr std::uint32_t size = 1U << (64 - dropped_bits);
  static constexpr std::uint32_t none = size;

  Buckets() : table_(static_cast<Table*>(std::calloc(1, sizeof(Table)))) {
    if (table_ == nullptr) throw std::bad_alloc();
  }

  /// Greater numbers have greater keys; x isn't NaN.
  SIDESTEP_INLINE static std::uint32_t key(double x) {
    const auto bits = std::bit_cast<std::uint64_t>(x);
    const std::uint64_t flipped = bits ^ (static_cast<std::uint64_t>(static_cast<std::int64_t>(bits) >> 63) | sign_bit);
    return static_cast<std::uint32_t>(flipped >> dropped_bits);
  }
  /// A number within 1/256 of each that has this key (denormal ones: within 2^-1029). 0 and infinity are themselves.
  static double value(std::uint32_t key) {
    const std::uint64_t flipped = std::uint64_t{key} << dropped_bits;
    const bool positive = (flipped & sign_bit) != 0;
    const std::uint64_t least = (positive ? flipped : ~flipped) & ~sign_bit & ~((std::uint64_t{1} << dropped_bits) - 1);
    double magnitude = std::bit_cast<double>(least);
    if (least != 0 && std::isfinite(magnitude))
      magnitude = std::bit_cast<double>(least | std::uint64_t{1} << (dropped_bits - 1));
    return positive || least == 0 ? magnitude : -magnitude;
  }

  SIDESTEP_INLINE Count operator[](std::uint32_t key) const { return table_->counts[key]; }
  SIDESTEP_INLINE void add(std::uint32_t key) {
    if (table_->counts[key]++ == 0) [[unlikely]]
      mark(key);
  }
  /// False: there is none of that key.
  SIDESTEP_INLINE bool remove(std::uint32_t key) {
    Count& count = table_->counts[key];
    if (count <= 1) [[unlikely]] {
      if (count == 0) return false;
      unmark(key);
    }
    --count;
    return true;
  }
  void set(std::uint32_t key, Count count) {
    table_->counts[key] = count;
    mark(key);
  }

  /// The next key above that has a count, or `none`.
  SIDESTEP_APART std::uint32_t above(std::uint32_t key) const {
    std::uint32_t at = key + 1;  // look from here on
    for (std::size_t level = 0; level < levels && at < size >> 6 * level; ++level) {
      if (const std::uint64_t rest = word(level, at >> 6) >> (at & 63); rest != 0)
        return first_within(level, at + static_cast<std::uint32_t>(std::countr_zero(rest)));
      at = (at >> 6) + 1;
    }
    return none;
  }
  /// The next key below that has a count, or `none`.
  SIDESTEP_APART std::uint32_t below(std::uint32_t key) const {
    std::uint32_t before = key;  // look below this
    for (std::size_t level = 0; level < levels && before > 0; ++level) {
      const std::uint32_t at = before - 1;
      if (const std::uint64_t rest = word(level, at >> 6) << (63 - (at & 63)); rest != 0)
        return last_within(level, at - static_cast<std::uint32_t>(std::countl_zero(rest)));
      before = at >> 6;
    }
    return none;
  }
  std::uint32_t least() const { return (*this)[0] > 0 ? 0 : above(0); }

  void clear() {
    for (std::uint32_t key = least(); key != none; key = above(key)) {
      table_->counts[key] = 0;
      unmark(key);
    }
  }

 private:
  static constexpr std::uint64_t sign_bit = std::uint64_t{1} << 63;
  static constexpr std::size_t levels = 4;  // of bits: is anything there, is there a word that isn't 0 ...
  struct Table {
    Count counts[size];
    std::uint64_t bits[size >> 6], words[size >> 12], blocks[size >> 18], all[1];
  };
  struct Free {
    void operator()(Table* table) const { std::free(table); }
  };

  static std::uint64_t& word(Table& t, std::size_t level, std::uint32_t i) {
    return level == 0 ? t.bits[i] : level == 1 ? t.words[i] : level == 2 ? t.blocks[i] : t.all[i];
  }
  std::uint64_t word(std::size_t level, std::uint32_t i) const { return word(*table_, level, i); }
  SIDESTEP_APART void mark(std::uint32_t key) {
    for (std::size_t level = 0; level < levels; ++level, key >>= 6)
      word(*table_, level, key >> 6) |= std::uint64_t{1} << (key & 63);
  }
  SIDESTEP_APART void unmark(std::uint32_t key) {
    for (std::size_t level = 0; level < levels; ++level, key >>= 6)
      if ((word(*table_, level, key >> 6) &= ~(std::uint64_t{1} << (key & 63))) != 0) return;
  }
  std::uint32_t first_within(std::size_t level, std::uint32_t at) const {
    while (level-- > 0) at = at << 6 | static_cast<std::uint32_t>(std::countr_zero(word(level, at)));
    return at;
  }
  std::uint32_t last_within(std::size_t level, std::uint32_t at) const {
    while (level-- > 0) at = at << 6 | static_cast<std::uint32_t>(63 - std::countl_zero(word(level, at)));
    return at;
  }

  std::unique_ptr<Table, Free> table_;
};

}  // namespace sidestep::detail
