#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <cstring>

#include <scratch_folder.hpp>
#include <sidestep/trainer/control/safetensors.hpp>

namespace sidestep {
namespace {

using test::complaint;
using test::read_text;
using test::ScratchFolder;
using Shape = std::vector<std::uint64_t>;

constexpr std::array<float, 6> weights{1.0F, -2.0F, 0.5F, 3.25F, -0.0F, 65536.0F};
constexpr std::array<std::int64_t, 2> moments{-1, 1LL << 60};
constexpr std::array<std::uint8_t, 3> state{1, 2, 255};
constexpr std::array<std::uint64_t, 1> step{4711};

std::vector<Tensor> some_tensors() {
  return {make_tensor("conv1.weight", {2, 3}, weights), make_tensor("moments", {2}, moments),
          make_tensor("callback.état", {3}, state), make_tensor("step", {}, step),
          make_tensor("nothing", {0, 4}, std::span<const float>{})};
}

const Metadata some_texts{{"model", "lenet"}, {"quote", R"(a "checksum":"x" and a \ and a ü)"}};

std::vector<std::byte> bytes_of(const std::string& text) {
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

/// A file with this header, as a foreign program might write it.
std::vector<std::byte> foreign(const std::string& header, std::size_t data_size) {
  const std::uint64_t length = header.size();
  std::string text(reinterpret_cast<const char*>(&length), sizeof length);
  return bytes_of(text + header + std::string(data_size, '\1'));
}

std::string refusal(const std::string& header, std::size_t data_size) {
  return complaint<CheckpointError>(
      [&] { SafetensorsFile::parse(foreign(header, data_size), "f", SafetensorsFile::Checksum::optional); });
}

TEST(Safetensors, ReadsWhatItWrote) {
  const ScratchFolder folder;
  write_safetensors(folder / "a", some_tensors(), some_texts);
  const SafetensorsFile file = SafetensorsFile::read(folder / "a");
  EXPECT_EQ(file.metadata(), some_texts);
  EXPECT_EQ(file.text("model"), "lenet");
  EXPECT_EQ(file.tensors().size(), 5U);
  for (const Tensor& wrote : some_tensors()) {
    const Tensor& read = file.tensor(wrote.name);
    EXPECT_EQ(read.dtype, wrote.dtype) << wrote.name;
    EXPECT_EQ(read.shape, wrote.shape) << wrote.name;
    EXPECT_TRUE(std::ranges::equal(read.bytes, wrote.bytes)) << wrote.name;
  }
  EXPECT_EQ(file.tensor("step").as<std::uint64_t>()[0], 4711U);
  EXPECT_EQ(file.tensor("conv1.weight").as<float>()[3], 3.25F);
  EXPECT_TRUE(file.tensor("nothing").as<float>().empty());
}

TEST(Safetensors, KeepsItsTensorsWhenMoved) {
  const ScratchFolder folder;
  write_safetensors(folder / "a", some_tensors(), some_texts);
  SafetensorsFile file = SafetensorsFile::read(folder / "a");
  const SafetensorsFile moved = std::move(file);
  EXPECT_EQ(moved.tensor("step").as<std::uint64_t>()[0], 4711U);
}

TEST(Safetensors, SameContentGivesSameBytesInWhateverOrder) {
  const ScratchFolder folder;
  std::vector<Tensor> tensors = some_tensors();
  write_safetensors(folder / "a", tensors, some_texts);
  std::ranges::reverse(tensors);
  write_safetensors(folder / "b", tensors, some_texts);
  EXPECT_EQ(read_text(folder / "a"), read_text(folder / "b"));
}

TEST(Safetensors, HasTheLayoutThatTheFormatAsksFor) {
  const ScratchFolder folder;
  write_safetensors(folder / "a", some_tensors(), some_texts);
  const std::string text = read_text(folder / "a");
  std::uint64_t length = 0;
  std::memcpy(&length, text.data(), sizeof length);
  EXPECT_EQ(length % 8, 0U);
  EXPECT_EQ(text[8], '{');
  EXPECT_EQ(text.size(), 8 + length + 6 * 4 + 2 * 8 + 3 + 8);
  const std::string header = text.substr(8, length);
  EXPECT_TRUE(header.starts_with(R"({"__metadata__":{"checksum":"xxh64:)")) << header;
  EXPECT_NE(header.find(R"("moments":{"dtype":"I64","shape":[2],"data_offsets":[0,16]})"), std::string::npos) << header;
  EXPECT_NE(header.find(R"("step":{"dtype":"U64","shape":[],"data_offsets":[16,24]})"), std::string::npos) << header;
}

TEST(Safetensors, EveryChangedByteIsNoticed) {
  const ScratchFolder folder;
  write_safetensors(folder / "a", some_tensors(), some_texts);
  const std::vector<std::byte> whole = bytes_of(read_text(folder / "a"));
  SafetensorsFile::parse(whole, "a");
  std::size_t noticed = 0;
  for (std::size_t place = 0; place < whole.size(); ++place) {
    for (const int flip : {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff}) {
      std::vector<std::byte> changed = whole;
      changed[place] ^= static_cast<std::byte>(flip);
      const std::string said = complaint<CheckpointError>([&] { SafetensorsFile::parse(changed, "runs/a/last"); });
      EXPECT_TRUE(said.starts_with("runs/a/last: ")) << "byte " << place << ": '" << said << "'";
      // a foreign reader's leniency must never be a crash either
      complaint<CheckpointError>([&] { SafetensorsFile::parse(changed, "a", SafetensorsFile::Checksum::optional); });
      ++noticed;
    }
  }
  EXPECT_EQ(noticed, whole.size() * 9);
}

TEST(Safetensors, EveryCutAndEveryExtraByteIsNoticed) {
  const ScratchFolder folder;
  write_safetensors(folder / "a", some_tensors(), some_texts);
  std::vector<std::byte> whole = bytes_of(read_text(folder / "a"));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const std::span<const std::byte> cut = std::span<const std::byte>(whole).first(length);
    EXPECT_NE(complaint<CheckpointError>([&] { SafetensorsFile::parse(cut, "a"); }), "") << length;
  }
  whole.push_back(std::byte{' '});
  EXPECT_NE(complaint<CheckpointError>([&] { SafetensorsFile::parse(whole, "a"); }), "");
}

TEST(Safetensors, NamesWhatIsWrongInAForeignHeader) {
  const auto said = [](const std::string& header, std::size_t size, const std::string& expected) {
    const std::string found = refusal(header, size);
    EXPECT_NE(found.find(expected), std::string::npos) << header << "\n -> " << found;
    EXPECT_TRUE(found.starts_with("f: ")) << found;
  };
  EXPECT_EQ(refusal(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8), "");
  EXPECT_EQ(refusal("{}", 0), "");
  said("", 0, "isn't JSON");
  said("[1]", 0, "isn't a JSON object");
  said("{\"a\":\xff}", 0, "isn't JSON");
  said(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
       8, "names 'a' twice");
  said(R"({"__metadata__":{"a":1}})", 0, "'a' isn't a text");
  said(R"({"__metadata__":[]})", 0, "isn't a table of texts");
  said(R"({"a":[]})", 0, "isn't described by");
  said(R"({"a":{"dtype":"F32","shape":[2]}})", 8, "isn't described by");
  said(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"more":1}})", 8, "isn't described by");
  said(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8]}})", 8, "isn't described by");
  said(R"({"a":{"dtype":"F4","shape":[2],"data_offsets":[0,8]}})", 8, "unknown element type \"F4\"");
  said(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8, "shape that isn't a whole number");
  said(R"({"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}})", 8, "shape that isn't a whole number");
  said(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,"8"]}})", 8, "place that isn't a whole number");
  said(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8, "outside the file's data");
  said(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,16]}})", 8, "outside the file's data");
  said(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8, "8 bytes, which isn't its shape [3] of F32");
  said(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,8]}})", 8, "which isn't its shape");
  said(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})",
       6, "tensor 'b' begins at byte 2 of the data, not at 4");
  said(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})", 6, "begins at byte 2 of the data, not at 0");
  said(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 6, "speaks of 4 bytes of data, and there are 6");
  said(std::string(100'000, '['), 0, "isn't JSON");
}

TEST(Safetensors, RefusesAHugeHeaderWithoutTryingIt) {
  std::string text(16, ' ');
  const std::uint64_t length = ~std::uint64_t{0};
  std::memcpy(text.data(), &length, sizeof length);
  const std::string page = "# Sidestep\n\nA page of text.\n";  // its first letters would be such a length too
  for (const std::string& given : {text, page})
    EXPECT_EQ(complaint<CheckpointError>([&] { SafetensorsFile::parse(bytes_of(given), "f"); }),
              "f: isn't a safetensors file: it doesn't begin with a header's length. Use another checkpoint.");
}

TEST(Safetensors, WithoutAChecksumItIsNotOurs) {
  const auto bytes = foreign(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8);
  EXPECT_NE(complaint<CheckpointError>([&] { SafetensorsFile::parse(bytes, "f"); }).find("has no checksum"),
            std::string::npos);
}

TEST(Safetensors, SaysWhatIsMissing) {
  const ScratchFolder folder;
  EXPECT_NE(complaint<CheckpointError>([&] { SafetensorsFile::read(folder / "none"); }).find("there is no such file"),
            std::string::npos);
  EXPECT_NE(complaint<CheckpointError>([&] { SafetensorsFile::read(folder.path()); }).find("isn't a file"),
            std::string::npos);
  write_safetensors(folder / "a", some_tensors(), some_texts);
  const SafetensorsFile file = SafetensorsFile::read(folder / "a");
  EXPECT_NE(complaint<CheckpointError>([&] { file.tensor("fc1.bias"); }).find("has no tensor 'fc1.bias'"),
            std::string::npos);
  EXPECT_NE(complaint<CheckpointError>([&] { file.text("seed"); }).find("has no 'seed'"), std::string::npos);
  EXPECT_NE(complaint<CheckpointError>([&] { file.tensor("step").as<float>(); }).find("holds U64, and F32 is wanted"),
            std::string::npos);
}

TEST(Safetensors, RefusesToWriteWhatItCouldNotRead) {
  const ScratchFolder folder;
  const auto refused = [&](std::vector<Tensor> tensors, const Metadata& texts) {
    return complaint<CheckpointError>([&] { write_safetensors(folder / "a", tensors, texts); });
  };
  EXPECT_NE(refused({make_tensor("a", {5}, weights)}, {}).find("24 bytes, which isn't its shape [5] of F32"),
            std::string::npos);
  EXPECT_NE(refused({make_tensor("a", {6}, weights), make_tensor("a", {2}, moments)}, {}).find("the name 'a' is taken"),
            std::string::npos);
  EXPECT_NE(refused({make_tensor("__metadata__", {6}, weights)}, {}), "");
  EXPECT_NE(refused({}, {{"checksum", "mine"}}).find("Use another key"), std::string::npos);
  EXPECT_NE(refused({}, {{"note", "\xff"}}).find("isn't UTF-8"), std::string::npos);
  EXPECT_TRUE(folder.names().empty());
}

// A reader that shares no code with the writer; the Python package too, where it is installed.
TEST(Safetensors, IsReadByPython) {
  ASSERT_EQ(std::system("python3 -c ''"), 0) << "needs the package python3: ./dev setup installs it";
  const ScratchFolder folder;
  write_safetensors(folder / "a", some_tensors(), some_texts);
  const std::string command = std::string("python3 '") + SAFETENSORS_READER + "' '" + (folder / "a").string() +
                              "' > '" + (folder / "out").string() + "' 2>&1";
  const int status = std::system(command.c_str());
  const std::string said = read_text(folder / "out");
  EXPECT_EQ(status, 0) << said;
  EXPECT_NE(said.find("callback.état U8 [3] 0102ff"), std::string::npos) << said;
  EXPECT_NE(said.find("conv1.weight F32 [2, 3] 0000803f000000c00000003f000050400000008000008047"), std::string::npos)
      << said;
  EXPECT_NE(said.find("step U64 [] 6712000000000000"), std::string::npos) << said;
  EXPECT_NE(said.find("model=lenet"), std::string::npos) << said;
}

}  // namespace
}  // namespace sidestep
