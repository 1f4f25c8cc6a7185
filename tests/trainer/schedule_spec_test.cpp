#include <gtest/gtest.h>

#include <scratch_folder.hpp>
#include <sidestep/trainer/control/spec.hpp>
#include <sidestep/trainer/schedule_spec.hpp>

namespace sidestep {
namespace {

using test::complaint;

TEST(ScheduleSpec, WritesWhatItReads) {
  for (const char* text :
       {"constant", "cosine", "cosine:epochs=5,floor=0.0001", "step:every=2,by=0.5", "warmup:steps=500,then=cosine",
        "warmup:steps=500,from=0.1,then=step,every=3,by=0.2", "warmup:steps=500,then=constant"})
    EXPECT_EQ(parse_schedule(text).text(), text);
  EXPECT_EQ(parse_schedule("step").text(), "step:every=1,by=0.1");
}

TEST(ScheduleSpec, AWarmUpLeadsToTheCosineThatARunHasAnyway) {
  EXPECT_EQ(parse_schedule("warmup:steps=10").text(), "warmup:steps=10,then=cosine");
  EXPECT_EQ(parse_schedule("warmup:steps=10,floor=0.001").text(), "warmup:steps=10,then=cosine,floor=0.001");
  const Schedule warm = make_schedule(parse_schedule("warmup:steps=10"), 0.002, 100, 2);
  EXPECT_DOUBLE_EQ(warm.at(11), 0.002);
  EXPECT_NEAR(warm.at(201), 0.0, 1e-12);
  // whoever wants it to stay says so, and so does the config.toml of a run that began when that went without saying
  EXPECT_DOUBLE_EQ(make_schedule(parse_schedule("warmup:steps=10,then=constant"), 0.002, 100, 2).at(201), 0.002);
}

TEST(ScheduleSpec, BecomesAScheduleOfSteps) {
  const Schedule cosine = make_schedule(parse_schedule("cosine"), 0.002, 430, 5);
  EXPECT_EQ(cosine.length, 2150);
  EXPECT_DOUBLE_EQ(cosine.at(1), 0.002);
  EXPECT_NEAR(cosine.at(1076), 0.001, 1e-12);
  EXPECT_EQ(make_schedule(parse_schedule("cosine:epochs=3"), 0.002, 430, 5).length, 1290);

  const Schedule warm = make_schedule(parse_schedule("warmup:steps=150,then=cosine,floor=0.0005"), 0.002, 430, 5);
  EXPECT_EQ(warm.length, 2000);
  EXPECT_DOUBLE_EQ(warm.at(1), 0.0);
  EXPECT_DOUBLE_EQ(warm.at(150), 0.002);
  EXPECT_NEAR(warm.at(2151), 0.0005, 1e-12);

  const Schedule step = make_schedule(parse_schedule("step:every=2,by=0.5"), 0.002, 430, 5);
  EXPECT_DOUBLE_EQ(step.at(860), 0.002);
  EXPECT_DOUBLE_EQ(step.at(861), 0.001);
}

TEST(ScheduleSpec, SaysWhatIsWrong) {
  const auto said = [](std::string_view text) { return complaint<SpecError>([&] { parse_schedule(text); }); };
  EXPECT_EQ(said("linear"), "unknown schedule 'linear'. There are constant, step, cosine and warmup.");
  EXPECT_EQ(said("constant:every=2"), "schedule 'constant' has no option 'every'. There are none.");
  EXPECT_EQ(said("step:evry=2"), "schedule 'step' has no option 'evry'. Did you mean 'every'?");
  EXPECT_EQ(said("step:every=0"), "every=0 must be a whole number from 1 to 1000000000");
  EXPECT_EQ(said("step:by=nan"), "by=nan must be a number from 0 to 1");
  EXPECT_EQ(said("warmup:then=cosine"), "a warm-up needs its length. Write warmup:steps=500");
  EXPECT_EQ(said("warmup:steps=5,then=cosin"), "unknown schedule 'cosin'. Did you mean 'cosine'?");
  EXPECT_EQ(said("warmup:steps=5,then=warmup"), "unknown schedule 'warmup'. There are constant, step and cosine.");
}

}  // namespace
}  // namespace sidestep
