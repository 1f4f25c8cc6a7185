#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <ranges>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <sidestep/trainer/control/atomic_file.hpp>

namespace sidestep {

/// A checkpoint that can't be used: truncated, changed, foreign. `what()` says where, what, and the mend.
class CheckpointError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The element types of the format that Sidestep reads and writes.
enum class Dtype : std::uint8_t { boolean, u8, i8, u16, i16, f16, bf16, u32, i32, f32, u64, i64, f64 };

std::size_t size_of(Dtype dtype) noexcept;
/// The format's own spelling: "F32", "I64", ...
std::string_view name_of(Dtype dtype) noexcept;

namespace detail {
template <class T>
constexpr Dtype dtype_of() {
  if constexpr (std::is_same_v<T, bool>) return Dtype::boolean;
  if constexpr (std::is_same_v<T, std::byte> || std::is_same_v<T, std::uint8_t>) return Dtype::u8;
  if constexpr (std::is_same_v<T, std::int8_t>) return Dtype::i8;
  if constexpr (std::is_same_v<T, std::uint16_t>) return Dtype::u16;
  if constexpr (std::is_same_v<T, std::int16_t>) return Dtype::i16;
  if constexpr (std::is_same_v<T, std::uint32_t>) return Dtype::u32;
  if constexpr (std::is_same_v<T, std::int32_t>) return Dtype::i32;
  if constexpr (std::is_same_v<T, float>) return Dtype::f32;
  if constexpr (std::is_same_v<T, std::uint64_t>) return Dtype::u64;
  if constexpr (std::is_same_v<T, std::int64_t>) return Dtype::i64;
  if constexpr (std::is_same_v<T, double>) return Dtype::f64;
}
}  // namespace detail

/// The element type that a file holds for a C++ type.
template <class T>
inline constexpr Dtype dtype_of = detail::dtype_of<std::remove_cv_t<T>>();

/// A tensor whose bytes lie elsewhere: row-major, little-endian, without gaps.
struct Tensor {
  std::string name;
  Dtype dtype = Dtype::f32;
  std::vector<std::uint64_t> shape;
  std::span<const std::byte> bytes;

  /// The elements, in place. Throws CheckpointError if they are of another type.
  template <class T>
  std::span<const T> as() const {
    require(dtype_of<T>, alignof(T));
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }

 private:
  void require(Dtype wanted, std::size_t alignment) const;
};

/// A tensor over somebody's elements, to be written. They must outlive it: a temporary container is refused.
template <std::ranges::contiguous_range Elements>
requires std::ranges::borrowed_range<Elements> Tensor make_tensor(std::string name, std::vector<std::uint64_t> shape,
                                                                  Elements&& elements) {
  return {.name = std::move(name),
          .dtype = dtype_of<std::ranges::range_value_t<Elements>>,
          .shape = std::move(shape),
          .bytes = std::as_bytes(std::span(std::ranges::data(elements), std::ranges::size(elements)))};
}

using Metadata = std::map<std::string, std::string>;

/// Writes tensors and texts in the safetensors format (https://github.com/huggingface/safetensors), readable by its
/// Python package. The same tensors and texts, in whatever order, give the same bytes: they are sorted by size of
/// element, then name, so that each tensor is aligned and there are no gaps. Beside the caller's metadata stands
/// `checksum`, over the whole file but for itself: one changed byte anywhere is noticed by the reader.
/// Throws CheckpointError for a shape that disagrees with its bytes, a name twice, or metadata named `checksum`.
void write_safetensors(AtomicFile& file, std::span<const Tensor> tensors, const Metadata& metadata);

/// The same, to a new whole file.
void write_safetensors(const std::filesystem::path& path, std::span<const Tensor> tensors, const Metadata& metadata);

/// What one file holds. Move-only: its tensors point into it.
class SafetensorsFile {
 public:
  enum class Checksum {
    required,  ///< a file of ours: unchanged since it was written, or CheckpointError
    optional   ///< a foreign file may have none
  };

  /// Reads and checks everything: lengths, offsets, types, shapes, checksum. Throws CheckpointError.
  static SafetensorsFile read(const std::filesystem::path& path, Checksum checksum = Checksum::required);
  /// The same from memory; `where` names it in errors.
  static SafetensorsFile parse(std::span<const std::byte> bytes, std::string where,
                               Checksum checksum = Checksum::required);

  SafetensorsFile(SafetensorsFile&&) noexcept = default;
  SafetensorsFile& operator=(SafetensorsFile&&) noexcept = default;

  /// By name, in the order of the names.
  const std::map<std::string, Tensor, std::less<>>& tensors() const noexcept { return tensors_; }
  /// Throws CheckpointError if there is none.
  const Tensor& tensor(std::string_view name) const;
  bool contains(std::string_view name) const { return tensors_.contains(name); }

  /// The caller's texts, without `checksum`.
  const Metadata& metadata() const noexcept { return metadata_; }
  /// Throws CheckpointError if there is none.
  const std::string& text(const std::string& key) const;

 private:
  SafetensorsFile() = default;

  std::string where_;
  std::vector<std::byte> data_;
  std::map<std::string, Tensor, std::less<>> tensors_;
  Metadata metadata_;
};

}  // namespace sidestep
