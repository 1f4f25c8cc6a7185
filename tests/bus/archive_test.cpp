// What a saved state may hold: nothing that differs between equal runs.
#include <sidestep/bus.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace sidestep {
namespace {

std::vector<std::byte> saved(auto& value) {
  Archive archive;
  archive(value);
  return std::move(archive).take();
}

/// A value whose padding holds `rubbish`.
template <class T>
T with_padding(unsigned char rubbish, auto set) {
  T value;
  std::memset(static_cast<void*>(&value), rubbish, sizeof value);
  set(value);
  return value;
}

struct Holes {
  std::int8_t small;
  double large;
  bool flag;
};

#if __has_builtin(__builtin_clear_padding)  // not in clang 14
TEST(Archive, PaddingIsZero) {
  const auto make = [](unsigned char rubbish) {
    return with_padding<Holes>(rubbish, [](Holes& h) { h.small = 1, h.large = 2, h.flag = true; });
  };
  Holes a = make(0xaa), b = make(0x55);
  ASSERT_NE(std::memcmp(&a, &b, sizeof a), 0);
  EXPECT_EQ(saved(a), saved(b));
  std::vector<Holes> as{a, a}, bs{b, b};
  EXPECT_EQ(saved(as), saved(bs));
  EXPECT_EQ(saved(a)[1], std::byte{0});
  std::pair<Holes, int> ap{a, 1}, bp{b, 1};
  EXPECT_EQ(saved(ap), saved(bp));
}
#endif

TEST(Archive, ANameIsItsText) {
  (void)intern("something else that is interned first");
  Metric metric{.step = 3, .value = 0.5, .metric = intern("archive/test"), .epoch = 2};
  // What another process wrote, whose numbers are others: a text stands here for a name that this one hasn't met.
  auto foreign = saved(metric);
  const std::string_view ours = "archive/test", name = "ARCHIVE/TEST";
  const auto as_bytes = [](std::string_view text) { return std::as_bytes(std::span(text)); };
  const auto wanted = as_bytes(ours), instead = as_bytes(name);
  const auto at = std::search(foreign.begin(), foreign.end(), wanted.begin(), wanted.end());
  ASSERT_NE(at, foreign.end());
  std::copy(instead.begin(), instead.end(), at);
  Metric loaded;
  Archive archive{std::span<const std::byte>(foreign)};
  archive(loaded);
  EXPECT_EQ(loaded.metric, intern(name));
  EXPECT_EQ(loaded.step, 3);
  EXPECT_EQ(loaded.value, 0.5);
  EXPECT_EQ(loaded.epoch, 2);
}

/// Every event of ours that carries names saves their texts: in two processes the same bytes.
template <class E>
void saves_texts(E event, std::initializer_list<std::string_view> texts) {
  const auto bytes = saved(event);
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (const std::string_view text : texts) EXPECT_NE(all.find(text), std::string_view::npos) << E::name << ' ' << text;
  E loaded{};
  Archive archive{std::span<const std::byte>(bytes)};
  archive(loaded);
  EXPECT_TRUE(archive.exhausted());
  EXPECT_EQ(saved(loaded), bytes) << E::name;
}

TEST(Archive, EventsWithNamesSaveTheirTexts) {
  saves_texts(Metric{.metric = intern("n1")}, {"n1"});
  saves_texts(CheckpointSaved{.step = 1, .cause_step = 2, .bytes = 3, .seconds = 4, .file = intern("n2")}, {"n2"});
  saves_texts(CheckpointLoaded{.step = 1, .file = intern("n3")}, {"n3"});
  saves_texts(DecisionApplied{.cause_step = 1, .decision = intern("n4"), .by = intern("n5")}, {"n4", "n5"});
  saves_texts(DecisionRefused{.step = 1, .decision = intern("n6"), .by = intern("n7"), .why = intern("n8")},
              {"n6", "n7", "n8"});
  saves_texts(PipelineFailed{.number = 1, .pipeline = intern("n9"), .error = intern("n10")}, {"n9", "n10"});
  saves_texts(ExceptionRaised{.step = 1, .what = intern("n11")}, {"n11"});
}

}  // namespace
}  // namespace sidestep
