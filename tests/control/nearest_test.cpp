#include <gtest/gtest.h>

#include <array>

#include <sidestep/trainer/control/nearest.hpp>

namespace sidestep {
namespace {

constexpr std::array<std::string_view, 4> names{"early_stopping", "reduce_lr_on_plateau", "progress", "csv_logger"};

TEST(EditDistance, CountsAddedRemovedReplacedAndSwappedLetters) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("lenet", "lente"), 1U);
  EXPECT_EQ(edit_distance("ca", "abc"), 3U);  // optimal string alignment; Damerau's own distance is 2
  EXPECT_EQ(edit_distance("batch-size", "batch_size"), 0U);
  EXPECT_EQ(edit_distance("LeNet", "lenet"), 0U);
}

TEST(Nearest, FindsWhatWasMeant) {
  EXPECT_EQ(nearest("early_stoping", names), "early_stopping");
  EXPECT_EQ(nearest("early-stopping", names), "early_stopping");
  EXPECT_EQ(nearest("porgress", names), "progress");
  EXPECT_EQ(nearest("early", names), "early_stopping");
  EXPECT_EQ(nearest("CSVLogger", names), "csv_logger");
}

TEST(Nearest, GuessesNothingFarAway) {
  EXPECT_EQ(nearest("tensorboard", names), "");
  EXPECT_EQ(nearest("x", names), "");
  EXPECT_EQ(nearest("", names), "");
  EXPECT_EQ(nearest("ab", std::array<std::string_view, 1>{"cd"}), "");
}

TEST(DidYouMean, SaysTheNearestOrAll) {
  EXPECT_EQ(did_you_mean("progres", names), "Did you mean 'progress'?");
  EXPECT_EQ(did_you_mean("xyz", std::span(names).first(3)),
            "There are early_stopping, reduce_lr_on_plateau and progress.");
  EXPECT_EQ(did_you_mean("xyz", std::span(names).first(1)), "There is only early_stopping.");
  EXPECT_EQ(did_you_mean("xyz", {}), "There are none.");
}

}  // namespace
}  // namespace sidestep
