#pragma once

#include <sidestep/bus/name.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace sidestep {

/// A saved state that doesn't fit the pipeline that loads it.
struct ArchiveError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

namespace detail {

/// A copy whose padding is zero, so that equal values are equal bytes.
template <class T>
T without_padding(const T& value) noexcept {
  T copy = value;
#if __has_builtin(__builtin_clear_padding)
  if constexpr (!std::has_unique_object_representations_v<T> && !std::is_arithmetic_v<T>)
    __builtin_clear_padding(&copy);
#endif
  return copy;
}

}  // namespace detail

/// Bytes that a stage's `state(archive)` writes or reads: one function for both ways.
///
///   void state(auto& archive) { archive(wait_, best_); }
///
/// Values are kept in the machine's byte order (little endian everywhere that this builds).
class Archive {
 public:
  Archive() = default;                                                                                        ///< saves
  explicit Archive(std::span<const std::byte> saved) : bytes_(saved.begin(), saved.end()), saving_(false) {}  ///< loads

  bool saving() const noexcept { return saving_; }
  bool exhausted() const noexcept { return at_ == bytes_.size(); }
  std::vector<std::byte> take() && { return std::move(bytes_); }

  void operator()(auto&... values) { (one(values), ...); }

 private:
  void raw(void* data, std::size_t size);

  template <class T>
  void one(T& value) {
    if constexpr (requires { value.state(*this); })
      value.state(*this);
    else {
      static_assert(std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>,
                    "give this type a state(archive) of its own");
      if (saving_) {
        T plain = detail::without_padding(value);
        raw(&plain, sizeof plain);
      } else {
        raw(&value, sizeof value);
      }
    }
  }
  void one(bool& value) {  // what was damaged on its way must not make a bool that is neither true nor false
    std::uint8_t byte = value ? 1 : 0;
    raw(&byte, sizeof byte);
    value = byte != 0;
  }
  void one(std::string& text) {
    std::uint64_t size = text.size();
    raw(&size, sizeof size);
    if (!saving_) resize_checked(text, size, 1);
    raw(text.data(), text.size());
  }
  void one(Name& name) {  // its number is this process' alone
    std::string text = saving_ ? std::string(name.text()) : std::string();
    one(text);
    if (!saving_) name = intern(text);
  }
  template <class T>
  void one(std::vector<T>& values) {
    constexpr bool plain = std::is_arithmetic_v<T>;  // nothing to do for each
    std::uint64_t size = values.size();
    raw(&size, sizeof size);
    if (!saving_) resize_checked(values, size, plain ? sizeof(T) : 1);
    if constexpr (plain)
      raw(values.data(), values.size() * sizeof(T));
    else
      for (T& value : values) one(value);
  }
  template <class A, class B>
  void one(std::pair<A, B>& both) {
    one(both.first), one(both.second);
  }

  void check_left(std::uint64_t count, std::size_t each) const;
  void resize_checked(auto& container, std::uint64_t size, std::size_t each) {
    check_left(size, each);
    container.resize(size);
  }

  std::vector<std::byte> bytes_;
  std::size_t at_ = 0;
  bool saving_ = true;
};

}  // namespace sidestep
