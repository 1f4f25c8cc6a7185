#include "operators/two_inputs.hpp"
#include "operators/usual_cases.hpp"

#include <scratch_folder.hpp>

#include <fstream>
#include <sstream>

namespace {
using namespace sidestep;
using namespace sidestep::test;

std::string text_in(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}
/// The file that a chain of Numbers writes.
template <class Build>
std::string logged(const Values& values, Build build) {
  const ScratchFolder folder;
  ManualClock clock;
  Bus bus({.clock = &clock, .thread = false});
  build(bus.on<Number>() | map(&Number::value)) | to_log(folder.path() / "log.csv");
  Producer producer = bus.producer("test");
  for (const double x : values) {
    clock.advance(10);
    producer.publish(Number{x});
  }
  bus.close();
  return text_in(folder.path() / "log.csv");
}
constexpr auto unchanged = [](auto in) { return in; };

TEST(ToLog, WritesALineForEachValue) {
  EXPECT_EQ(logged({1.5, 2}, unchanged), "stamp,number,value\n10,1,1.5\n20,2,2\n");
  EXPECT_EQ(logged({7}, unchanged), "stamp,number,value\n10,1,7\n");
}

TEST(ToLog, OfNothingHasItsFirstLine) { EXPECT_EQ(logged({}, unchanged), "stamp,number,value\n"); }

TEST(ToLog, NumbersReadBackAsTheyWere) {
  const double x = 0.1 + 0.2;
  const std::string text = logged({x, std::nan(""), HUGE_VAL}, unchanged);
  EXPECT_EQ(std::stod(text.substr(text.find("10,1,") + 5)), x);
  EXPECT_NE(text.find("nan"), std::string::npos);
  EXPECT_NE(text.find("inf"), std::string::npos);
}

TEST(ToLog, HasTheStampAndNumberOfTheEventThatCausedTheValue) {
  EXPECT_EQ(logged({1, 2, 3, 4}, [](auto in) { return std::move(in) | every(2); }),
            "stamp,number,value\n20,2,2\n40,4,4\n");
}

TEST(ToLog, WhatCompletingEmitsIsInIt) {
  EXPECT_NE(logged({1, 2, 3}, [](auto in) { return std::move(in) | window(count(5)) | sum(); }).find(",6\n"),
            std::string::npos);
  EXPECT_EQ(logged({1, 2, 3}, [](auto in) { return std::move(in) | take(2); }), "stamp,number,value\n10,1,1\n20,2,2\n");
}

TEST(ToLog, HasWhatCameBeforeAnErrorOrAnEndByTheHandle) {
  EXPECT_EQ(logged({1, 2, 3}, [](auto in) { return std::move(in) | map(ThrowsAt{2}); }),
            "stamp,number,value\n10,1,1\n");
  const ScratchFolder folder;
  {
    Bus bus({.thread = false});
    const Handle handle = bus.on<Number>() | map(&Number::value) | to_log(folder.path() / "log.csv");
    bus.publish(Number{1});
    while (bus.poll()) {
    }
    handle->end();
    bus.publish(Number{2});
    bus.close();
  }
  EXPECT_NE(text_in(folder.path() / "log.csv").find(",1,1\n"), std::string::npos);
  EXPECT_EQ(text_in(folder.path() / "log.csv").find(",2\n"), std::string::npos);
}

/// Writes down the lines that the log must have.
struct lines_of {
  std::string* text;
  template <class In>
  using out = In;
  void operator()(double value, auto&& out) {
    *text += std::to_string(out.stamp()) + "," + std::to_string(out.number()) + "," + text_of(value) + "\n";
    out(value);
  }
};
TEST(ToLog, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  const ScratchFolder folder;
  int files = 0;
  const auto chain = [&](auto before) {
    return [&, before](Bus& bus, Watched& watched) {
      const std::filesystem::path file = folder.path() / (std::to_string(++files) + ".csv");
      const auto expected = std::make_shared<std::string>("stamp,number,value\n");
      watched.when_over = [=] {
        EXPECT_EQ(text_in(file), *expected) << "it has what came to it, and nothing else";
        std::filesystem::remove(file);
      };
      return before(drawn_source<Number>(bus)) | watched_by{&watched} | lines_of{expected.get()} | to_log(file);
    };
  };
  expect_usual_cases_of(chain(unchanged));
  expect_usual_cases_of(chain([](auto in) { return std::move(in) | window(count(3)) | sum(); }));
}

TEST(ToLog, WritesAnExistingFileAnew) {
  const ScratchFolder folder;
  std::ofstream(folder.path() / "log.csv") << "old";
  Bus bus({.thread = false});
  bus.on<Number>() | map(&Number::value) | to_log(folder.path() / "log.csv");
  bus.close();
  EXPECT_EQ(text_in(folder.path() / "log.csv"), "stamp,number,value\n");
}

TEST(ToLog, AFileThatCannotBeOpenedIsRefusedInWords) {
  try {
    (void)to_log("/no such folder/log.csv");
    FAIL() << "it was taken";
  } catch (const OperatorError& error) {
    EXPECT_NE(std::string(error.what()).find("/no such folder/log.csv"), std::string::npos);
  }
}

TEST(ToLog, AFullDiskFailsThePipelineAlone) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "there is no /dev/full";
  Bus bus({.thread = false});
  const Handle handle = bus.on<Number>() | map(&Number::value) | to_log("/dev/full");
  const Handle other = bus.on<Number>() | subscribe([](const Number&) {});
  for (int i = 0; i < 5000; ++i) bus.publish(Number{1.0 / (i + 1)});
  bus.flush();
  EXPECT_TRUE(handle->failed()) << "while it writes, not only at the end";
  bus.close();
  ASSERT_TRUE(handle->failed());
  EXPECT_NE(handle->error().find("can't be written (No space left on device)"), std::string::npos) << handle->error();
  EXPECT_FALSE(other->failed());
}

TEST(ToLog, AFullDiskThatOnlyTheEndShowsFailsItToo) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "there is no /dev/full";
  Bus bus({.thread = false});
  const Handle handle = bus.on<Number>() | map(&Number::value) | to_log("/dev/full");
  bus.publish(Number{1});
  bus.flush();
  EXPECT_FALSE(handle->failed()) << "few values wait to be written";
  bus.close();
  EXPECT_TRUE(handle->failed());
}

TEST(ToLog, BehindObserveOn) {
  EXPECT_EQ(logged({1, 2}, [](auto in) { return std::move(in) | observe_on(io); }),
            "stamp,number,value\n10,1,1\n20,2,2\n");
}

TEST(ToLog, IsWhatAReferenceMakesOfRandomStreams) {
  const ScratchFolder folder;
  expect_of_random_streams([&](const Moments& stream, std::size_t) {
    {
      Bus bus({.ring_capacity = 16, .thread = false});
      const Handle handle = bus.on<Number>() | map(&Number::value) | to_log(folder.path() / "log.csv");
      feed(handle->pipeline(), stream);
    }
    std::string expected = "stamp,number,value\n";
    int number = 0;
    for (const Moment& one : stream)
      if (one.value)
        expected += std::to_string(one.at) + "," + std::to_string(++number) + "," + text_of(*one.value) + "\n";
    return text_in(folder.path() / "log.csv") == expected;
  });
}

}  // namespace
