#include <sidestep/trainer/control/safetensors.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <fstream>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#define XXH_INLINE_ALL
#include <xxhash.h>

static_assert(std::endian::native == std::endian::little, "the format's bytes are written as they lie in memory");

namespace sidestep {
namespace {

using nlohmann::json;

struct DtypeRow {
  Dtype dtype;
  std::string_view name;
  std::size_t size;
};

constexpr std::array<DtypeRow, 13> dtypes{{{Dtype::boolean, "BOOL", 1},
                                           {Dtype::u8, "U8", 1},
                                           {Dtype::i8, "I8", 1},
                                           {Dtype::u16, "U16", 2},
                                           {Dtype::i16, "I16", 2},
                                           {Dtype::f16, "F16", 2},
                                           {Dtype::bf16, "BF16", 2},
                                           {Dtype::u32, "U32", 4},
                                           {Dtype::i32, "I32", 4},
                                           {Dtype::f32, "F32", 4},
                                           {Dtype::u64, "U64", 8},
                                           {Dtype::i64, "I64", 8},
                                           {Dtype::f64, "F64", 8}}};

constexpr std::size_t length_bytes = 8;
constexpr std::uint64_t longest_header = 100'000'000;  // the format's own limit

constexpr std::string_view metadata_key = "__metadata__";
constexpr std::string_view checksum_key = "checksum";
/// As it stands in the header. Nothing else can look like it: a quote inside a JSON string has a backslash before it,
/// and no other member of this name has a text as its value.
constexpr std::string_view checksum_spelling = R"("checksum":")";
constexpr std::string_view checksum_prefix = "xxh64:";
constexpr std::size_t checksum_digits = 16;

/// The checksum of a file whose header has zeros where the checksum's own digits belong.
class Checksummer {
 public:
  void add(std::span<const std::byte> bytes) { XXH64_update(&state_, bytes.data(), bytes.size()); }
  void add(std::string_view text) { add(std::as_bytes(std::span{text})); }
  std::string digits() const {
    std::string text(checksum_digits, '0');
    std::uint64_t value = XXH64_digest(&state_);
    for (auto digit = text.rbegin(); digit != text.rend(); ++digit, value >>= 4)
      *digit = "0123456789abcdef"[value & 15];
    return text;
  }

 private:
  XXH64_state_t state_ = [] {
    XXH64_state_t fresh;
    XXH64_reset(&fresh, 0);
    return fresh;
  }();
};

std::array<std::byte, length_bytes> little_endian(std::uint64_t value) {
  return std::bit_cast<std::array<std::byte, length_bytes>>(value);
}

/// Bytes of a tensor of this shape, or nothing if the number is too large to be true.
std::optional<std::uint64_t> byte_count(Dtype dtype, std::span<const std::uint64_t> shape) {
  std::uint64_t count = size_of(dtype);
  for (const std::uint64_t extent : shape) {
    if (__builtin_mul_overflow(count, extent, &count)) return std::nullopt;
  }
  return count;
}

template <class... Values>
[[noreturn]] void refuse(fmt::format_string<Values...> sentence, Values&&... values) {
  throw CheckpointError(fmt::format(sentence, std::forward<Values>(values)...));
}

// ---- writing

std::string quoted(const std::string& text, std::string_view where) {
  try {
    return json(text).dump();
  } catch (const json::exception&) {
    refuse("{}: a name or text to be written isn't UTF-8. Write bytes as a U8 tensor.", where);
  }
}

std::vector<const Tensor*> in_file_order(std::span<const Tensor> tensors) {
  std::vector<const Tensor*> order;
  for (const Tensor& each : tensors) order.push_back(&each);
  // large elements first: each tensor then begins at a multiple of its element's size, without gaps
  std::ranges::sort(order, [](const Tensor* a, const Tensor* b) {
    const std::size_t a_size = size_of(a->dtype), b_size = size_of(b->dtype);
    return a_size != b_size ? a_size > b_size : a->name < b->name;
  });
  return order;
}

void check_writable(std::span<const Tensor> tensors, const Metadata& metadata, std::string_view where) {
  if (metadata.contains(std::string(checksum_key)))
    refuse("{}: metadata 'checksum' is written by Sidestep. Use another key.", where);
  std::set<std::string_view> names;
  for (const Tensor& each : tensors) {
    if (each.name == metadata_key || !names.insert(each.name).second)
      refuse("{}: the name '{}' is taken. Give each tensor a name of its own.", where, each.name);
    if (byte_count(each.dtype, each.shape) != each.bytes.size())
      refuse("{}: tensor '{}' has {} bytes, which isn't its shape {} of {}. Correct the shape.", where, each.name,
             each.bytes.size(), each.shape, name_of(each.dtype));
  }
}

std::string header_of(std::span<const Tensor* const> order, const Metadata& metadata, std::string_view where) {
  std::string header =
      fmt::format(R"({{"{}":{{{}{}{:0{}}")", metadata_key, checksum_spelling, checksum_prefix, 0, checksum_digits);
  for (const auto& [key, text] : metadata) header += fmt::format(",{}:{}", quoted(key, where), quoted(text, where));
  header += '}';
  std::uint64_t begin = 0;
  for (const Tensor* each : order) {
    const std::uint64_t end = begin + each->bytes.size();
    header += fmt::format(R"(,{}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})", quoted(each->name, where),
                          name_of(each->dtype), fmt::join(each->shape, ","), begin, end);
    begin = end;
  }
  header += '}';
  header.resize((header.size() + length_bytes - 1) / length_bytes * length_bytes, ' ');
  return header;
}

// ---- reading

/// Reads one header; every complaint names the file.
class HeaderReader {
 public:
  HeaderReader(std::string_view where, std::uint64_t data_size) : where_(where), data_size_(data_size) {}

  template <class... Values>
  [[noreturn]] void damaged(fmt::format_string<Values...> why, Values&&... values) const {
    refuse("{}: {}. The file was damaged or isn't a safetensors file: use another checkpoint.", where_,
           fmt::format(why, std::forward<Values>(values)...));
  }

  json parse(std::string_view text) const {
    std::vector<std::set<std::string>> keys;
    std::string twice;
    const auto note = [&](int, json::parse_event_t event, json& value) {
      if (event == json::parse_event_t::object_start) keys.emplace_back();
      if (event == json::parse_event_t::object_end) keys.pop_back();
      if (event == json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second)
        twice = value.get<std::string>();
      return true;
    };
    try {
      json header = json::parse(text, note);
      if (!twice.empty()) damaged("its header names '{}' twice", twice);
      if (!header.is_object()) damaged("its header isn't a JSON object");
      return header;
    } catch (const json::exception&) {
      damaged("its header isn't JSON");
    }
  }

  Metadata metadata(const json& header) const {
    Metadata texts;
    const auto found = header.find(metadata_key);
    if (found == header.end()) return texts;
    if (!found->is_object()) damaged("its metadata isn't a table of texts");
    for (const auto& [key, value] : found->items()) {
      if (!value.is_string()) damaged("its metadata '{}' isn't a text", key);
      texts.emplace(key, value.get<std::string>());
    }
    return texts;
  }

  struct Entry {
    Tensor tensor;
    std::uint64_t begin = 0, end = 0;
  };

  std::vector<Entry> entries(const json& header) const {
    std::vector<Entry> all;
    for (const auto& [name, value] : header.items()) {
      if (name != metadata_key) all.push_back(entry(name, value));
    }
    std::ranges::sort(
        all, [](const Entry& a, const Entry& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
    std::uint64_t expected = 0;
    for (const Entry& each : all) {
      if (each.begin != expected)
        damaged("tensor '{}' begins at byte {} of the data, not at {} where the one before it ends", each.tensor.name,
                each.begin, expected);
      expected = each.end;
    }
    if (expected != data_size_)
      damaged("its header speaks of {} bytes of data, and there are {}", expected, data_size_);
    return all;
  }

 private:
  std::uint64_t whole(const json& value, const std::string& name, std::string_view part) const {
    if (!value.is_number_unsigned()) damaged("tensor '{}' has a {} that isn't a whole number", name, part);
    return value.get<std::uint64_t>();
  }

  Entry entry(const std::string& name, const json& value) const {
    if (!value.is_object() || value.size() != 3 || !value.contains("dtype") || !value.contains("shape") ||
        !value.contains("data_offsets"))
      damaged("tensor '{}' isn't described by dtype, shape and data_offsets", name);
    const json &dtype = value["dtype"], &shape = value["shape"], &offsets = value["data_offsets"];
    if (!dtype.is_string() || !shape.is_array() || !offsets.is_array() || offsets.size() != 2)
      damaged("tensor '{}' isn't described by dtype, shape and data_offsets", name);

    Entry made;
    made.tensor.name = name;
    const auto row = std::ranges::find(dtypes, dtype.get_ref<const std::string&>(), &DtypeRow::name);
    if (row == dtypes.end()) damaged("tensor '{}' has the unknown element type {}", name, dtype.dump());
    made.tensor.dtype = row->dtype;
    for (const json& extent : shape) made.tensor.shape.push_back(whole(extent, name, "shape"));
    made.begin = whole(offsets[0], name, "place");
    made.end = whole(offsets[1], name, "place");
    if (made.begin > made.end || made.end > data_size_) damaged("tensor '{}' lies outside the file's data", name);
    if (byte_count(row->dtype, made.tensor.shape) != made.end - made.begin)
      damaged("tensor '{}' has {} bytes, which isn't its shape {} of {}", name, made.end - made.begin,
              made.tensor.shape, row->name);
    return made;
  }

  std::string_view where_;
  std::uint64_t data_size_;
};

void verify(std::span<const std::byte> length, std::string header, std::span<const std::byte> data,
            const std::string& written, std::string_view where) {
  const auto changed = [&](const std::string& why) {
    refuse("{}: {}: the file changed after it was written. Use another checkpoint.", where, why);
  };
  const std::size_t spelling = header.find(checksum_spelling);
  const std::size_t digits = spelling + checksum_spelling.size() + checksum_prefix.size();
  if (spelling == std::string::npos || !written.starts_with(checksum_prefix) ||
      written.size() != checksum_prefix.size() + checksum_digits ||
      header.compare(digits - checksum_prefix.size(), written.size(), written) != 0)
    changed("its checksum isn't one that Sidestep writes");
  header.replace(digits, checksum_digits, checksum_digits, '0');
  Checksummer sum;
  sum.add(length);
  sum.add(header);
  sum.add(data);
  if (sum.digits() != written.substr(checksum_prefix.size()))
    changed(
        fmt::format("its checksum is {} and its bytes give {}", written.substr(checksum_prefix.size()), sum.digits()));
}

std::vector<std::byte> whole_file(const std::filesystem::path& path) {
  constexpr std::string_view example = "Name a checkpoint, as in runs/NAME/checkpoints/last.safetensors.";
  std::error_code failed;
  if (!std::filesystem::exists(path, failed)) refuse("{}: there is no such file. {}", path.string(), example);
  if (!std::filesystem::is_regular_file(path, failed)) refuse("{}: isn't a file. {}", path.string(), example);
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  std::vector<std::byte> bytes(file ? static_cast<std::size_t>(file.tellg()) : 0);
  file.seekg(0).read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!file) refuse("{}: can't be read. Check its permissions and the disk.", path.string());
  return bytes;
}

}  // namespace

std::size_t size_of(Dtype dtype) noexcept { return dtypes[static_cast<std::size_t>(dtype)].size; }

std::string_view name_of(Dtype dtype) noexcept { return dtypes[static_cast<std::size_t>(dtype)].name; }

void Tensor::require(Dtype wanted, std::size_t alignment) const {
  if (dtype != wanted)
    refuse("tensor '{}' holds {}, and {} is wanted. Use a checkpoint of the same model.", name, name_of(dtype),
           name_of(wanted));
  if (!bytes.empty() && reinterpret_cast<std::uintptr_t>(bytes.data()) % alignment != 0)
    refuse("tensor '{}' isn't aligned in its file. Write the file with Sidestep or Python's safetensors.", name);
}

void write_safetensors(AtomicFile& file, std::span<const Tensor> tensors, const Metadata& metadata) {
  const std::string where = file.target().string();
  check_writable(tensors, metadata, where);
  const std::vector<const Tensor*> order = in_file_order(tensors);
  std::string header = header_of(order, metadata, where);
  const auto length = little_endian(header.size());

  Checksummer sum;
  sum.add(length);
  sum.add(header);
  for (const Tensor* each : order) sum.add(each->bytes);
  const std::size_t digits = header.find(checksum_spelling) + checksum_spelling.size() + checksum_prefix.size();
  header.replace(digits, checksum_digits, sum.digits());

  file.write(length);
  file.write(header);
  for (const Tensor* each : order) file.write(each->bytes);
}

void write_safetensors(const std::filesystem::path& path, std::span<const Tensor> tensors, const Metadata& metadata) {
  AtomicFile file(path);
  write_safetensors(file, tensors, metadata);
  file.commit();
}

SafetensorsFile SafetensorsFile::read(const std::filesystem::path& path, Checksum checksum) {
  return parse(whole_file(path), path.string(), checksum);
}

SafetensorsFile SafetensorsFile::parse(std::span<const std::byte> bytes, std::string where, Checksum checksum) {
  const auto truncated = [&] {
    refuse("{}: is cut off after {} bytes, or isn't a safetensors file. Use another checkpoint.", where, bytes.size());
  };
  if (bytes.size() < length_bytes) truncated();
  std::uint64_t header_size;
  std::memcpy(&header_size, bytes.data(), length_bytes);
  if (header_size > longest_header)
    refuse("{}: isn't a safetensors file: it doesn't begin with a header's length. Use another checkpoint.", where);
  if (header_size > bytes.size() - length_bytes) truncated();

  const std::span<const std::byte> header_bytes = bytes.subspan(length_bytes, header_size);
  const std::span<const std::byte> data = bytes.subspan(length_bytes + header_size);
  const std::string header_text(reinterpret_cast<const char*>(header_bytes.data()), header_bytes.size());
  const HeaderReader reader(where, data.size());
  const json header = reader.parse(header_text);

  SafetensorsFile file;
  file.metadata_ = reader.metadata(header);
  auto entries = reader.entries(header);
  const auto written = file.metadata_.find(std::string(checksum_key));
  if (written != file.metadata_.end()) {
    verify(bytes.first(length_bytes), header_text, data, written->second, where);
    file.metadata_.erase(written);
  } else if (checksum == Checksum::required) {
    refuse("{}: has no checksum: it isn't a checkpoint of Sidestep, or was changed. Use another checkpoint.", where);
  }

  file.data_.assign(data.begin(), data.end());
  for (auto& [tensor, begin, end] : entries) {
    tensor.bytes = std::span<const std::byte>(file.data_).subspan(begin, end - begin);
    file.tensors_.emplace(tensor.name, std::move(tensor));
  }
  file.where_ = std::move(where);
  return file;
}

const Tensor& SafetensorsFile::tensor(std::string_view name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end())
    refuse("{}: has no tensor '{}'. Use a checkpoint of the same model and version.", where_, name);
  return found->second;
}

const std::string& SafetensorsFile::text(const std::string& key) const {
  const auto found = metadata_.find(key);
  if (found == metadata_.end())
    refuse("{}: has no '{}' in its metadata. Use a checkpoint that Sidestep wrote.", where_, key);
  return found->second;
}

}  // namespace sidestep
