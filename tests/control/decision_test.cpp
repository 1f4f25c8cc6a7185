#include <sidestep/trainer/control/decision.hpp>
#include <sidestep/trainer/control/schedule.hpp>
#include <sidestep/trainer/control/sync.hpp>

#include <gtest/gtest.h>

#include <string>

namespace sidestep {
namespace {

struct Unfreeze {
  static constexpr std::string_view decision = "unfreeze";
  static constexpr bool at_fit_end = true;
  std::int64_t layers = 0;
  double value() const { return static_cast<double>(layers); }
};

template <class R>
std::vector<std::string> names(const R& result) {
  std::vector<std::string> all;
  detail::each_decision(result, [&](const Decision& one) { all.emplace_back(one.name()); });
  return all;
}
using Names = std::vector<std::string>;

TEST(Text, IsCutAtTheBoundaryOfACharacter) {
  const std::string long_text = std::string(94, 'a') + "\xC3\xA4";  // 96 bytes, the last two are one character
  EXPECT_EQ(Reason(long_text).view(), std::string(94, 'a'));
  EXPECT_EQ(Reason(std::string(95, 'b')).view(), std::string(95, 'b'));
  EXPECT_EQ(Text<4>("\xF0\x9F\x98\x80x").view(), "\xF0\x9F\x98\x80");
  EXPECT_EQ(Text<3>("\xF0\x9F\x98\x80x").view(), "");
}

TEST(Decision, IsFoundAgainByItsOwnTypeOnly) {
  const Decision decision = ScaleLearningRate{.by = 0.5, .min_lr = 1e-5, .reason = "plateau"};
  EXPECT_EQ(decision.name(), "scale_learning_rate");
  ASSERT_NE(decision.get_if<ScaleLearningRate>(), nullptr);
  EXPECT_EQ(decision.get_if<ScaleLearningRate>()->by, 0.5);
  EXPECT_EQ(decision.get_if<Stop>(), nullptr);
  EXPECT_EQ(decision.value(), 0.5);
  EXPECT_EQ(decision.reason(), "plateau");
}

TEST(Decision, OfAUsersOwnHasANameAndAValue) {
  const Decision decision = Unfreeze{3};
  EXPECT_EQ(decision.value(), 3);
  EXPECT_EQ(decision.reason(), "");
  EXPECT_TRUE(find_decision(decision.kind())->at_fit_end);
  const Decision again(intern("unfreeze"), decision.bytes());
  EXPECT_EQ(again.get_if<Unfreeze>()->layers, 3);
}

TEST(Decision, TwoTypesWithOneNameAreRefused) {
  (void)decision_info<Unfreeze>();
  EXPECT_THROW(register_decision({.name = Unfreeze::decision, .kind = {}, .size = sizeof(Unfreeze) + 1}),
               DecisionError);
}

TEST(Decision, AFunctorReturnsOneOrNoneOrSeveralOrOneOfThese) {
  EXPECT_EQ(names(Stop{"x"}), Names{"stop"});
  EXPECT_EQ(names(std::optional<Stop>{}), Names{});
  EXPECT_EQ(names(std::optional<Stop>{Stop{}}), Names{"stop"});
  EXPECT_EQ(names(std::variant<std::monostate, Stop, Unfreeze>{}), Names{});
  EXPECT_EQ(names(std::variant<std::monostate, Stop, Unfreeze>{Unfreeze{1}}), Names{"unfreeze"});
  EXPECT_EQ(names(Decisions{}.ask(KeepWeights{.owner = "a"}).ask(Stop{})), (Names{"keep_weights", "stop"}));
  EXPECT_EQ(names(Decision{}), Names{});
  Decisions five;
  for (int i = 0; i < 4; ++i) five.ask(Stop{});
  EXPECT_THROW(five.ask(Stop{}), DecisionError);
  static_assert(DecisionResult<std::optional<std::variant<Stop, Unfreeze>>>);
  static_assert(!DecisionResult<int> && !DecisionResult<std::string>);
}

TEST(Sync, ReadsWhatItWrites) {
  for (const Sync sync : {relaxed, lockstep, lag(2), lag(1024)}) EXPECT_EQ(parse_sync(sync.text()), sync);
  EXPECT_EQ(parse_sync("lag:0"), lockstep);
  EXPECT_EQ(lag(2).text(), "lag:2");
  for (const char* wrong : {"", "lag", "lag:", "lag:-1", "lag:2x", "lag:1025", "Relaxed"})
    EXPECT_THROW(parse_sync(wrong), SyncError) << wrong;
}

TEST(Schedule, IsAPureFunctionOfTheStep) {
  const Schedule cosine{.shape = Schedule::Shape::cosine, .base = 1, .length = 10};
  EXPECT_DOUBLE_EQ(cosine.at(1), 1);
  EXPECT_NEAR(cosine.at(6), 0.5, 1e-12);
  EXPECT_NEAR(cosine.at(11), 0, 1e-12);
  EXPECT_NEAR(cosine.at(1000), 0, 1e-12);
  const Schedule steps{.shape = Schedule::Shape::step, .base = 1, .factor = 0.1, .every = 3};
  EXPECT_DOUBLE_EQ(steps.at(3), 1);
  EXPECT_DOUBLE_EQ(steps.at(4), 0.1);
  const Schedule warm{.base = 2, .warmup = 5, .warmup_from = 0.2};
  EXPECT_DOUBLE_EQ(warm.at(1), 0.4);
  EXPECT_DOUBLE_EQ(warm.at(5), 2);
  EXPECT_DOUBLE_EQ(warm.at(6), 2);
}

}  // namespace
}  // namespace sidestep
