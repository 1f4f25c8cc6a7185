// Types that a program publishes are compared when it begins, and again when it loads a library.
#include <sidestep/bus.hpp>

#include <scratch_folder.hpp>

#include <gtest/gtest.h>

#include <dlfcn.h>

namespace sidestep {
namespace {

struct Sighted {  // tests/bus/types_library.cpp has another one
  static constexpr EventId id = first_user_event + 361;
  static constexpr std::string_view name = "Sighted";
  static constexpr bool self_contained = true;
  Step step = 0;
  float score = 0;
  std::int32_t label = 0;
  void fields(auto&& f) const { f("step", step), f("score", score), f("label", label); }
};

TEST(TypesAtStart, TheLibrarysOwnAreKnownToAProgramThatMentionsNone) {  // and a log's replay may publish them
  const Bus bus({.thread = false});
  ASSERT_NE(find_event(Metric::id), nullptr);
  EXPECT_EQ(find_event(Metric::id)->name, "Metric");
}

TEST(TypesAtStart, ALibraryThatKnowsATypeOtherwiseIsFoundOutBeforeItPublishes) {
  Bus bus({.thread = false});
  Producer before = bus.producer("before");
  before.publish(Sighted{.step = 1, .score = 0.5, .label = 2});
  ASSERT_NE(::dlopen(SIDESTEP_TYPES_LIBRARY, RTLD_NOW | RTLD_LOCAL), nullptr) << ::dlerror();
  const std::string why = test::complaint<EventTypeError>([&] { (void)bus.producer("theirs"); });
  EXPECT_NE(why.find("'score' is real of 4 bytes at 12 here, real of 4 bytes at 8 there"), std::string::npos) << why;
  EXPECT_NE(why.find("'label'"), std::string::npos) << why;
  EXPECT_THROW(Bus({.thread = false}), EventTypeError);
  EXPECT_THROW((void)bus.add(nullptr, {}), EventTypeError);
  before.publish(Sighted{.step = 2, .score = 0.5, .label = 2});  // those that were there go on
  bus.flush();
  EXPECT_EQ(bus.account().events, 2u);
}

}  // namespace
}  // namespace sidestep
