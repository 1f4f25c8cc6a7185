#include <gtest/gtest.h>

#include <sstream>
#include <thread>

#include <bus/log_support.hpp>
#include <nlohmann/json.hpp>
#include <sidestep/trainer/command/command_line.hpp>
#include <sidestep/trainer/command/log_selection.hpp>

namespace sidestep {
namespace {

using namespace test;
using namespace testing_support;

struct LogAnswer {
  int code = 0;
  std::string out, err;
};

LogAnswer log_command_says(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "log");
  std::ostringstream out, err;
  const int code = run_command_line(arguments, {out, err});
  return {code, out.str(), err.str()};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream from(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(from, line);) lines.push_back(line);
  return lines;
}

class LogCommandTest : public ::testing::Test {
 protected:
  /// small_log: nine steps, of each a BatchEnd at 1000 * step ns and a Metric a nanosecond later.
  const ScratchFolder folder;
  const std::string file = small_log(folder).string();

  std::string refusal(std::vector<std::string> arguments) {
    const LogAnswer answer = log_command_says(std::move(arguments));
    EXPECT_EQ(answer.code, 2) << answer.err;
    EXPECT_EQ(answer.out, "");
    EXPECT_EQ(std::ranges::count(answer.err, '\n'), 1) << answer.err;
    return answer.err;
  }
  /// Flips a bit in the middle of the block with this number.
  void damage(std::uint32_t block) {
    std::uint64_t at = 0;
    {
      LogReader log(file);
      at = log.index().at(block).offset + 200;
    }
    std::string text = read_text(file);
    text[at] = static_cast<char>(text[at] ^ 4);
    write_text(file, text);
  }
};

TEST_F(LogCommandTest, CatPrintsEachEventInALine) {
  const LogAnswer answer = log_command_says({"cat", file});
  EXPECT_EQ(answer.code, 0) << answer.err;
  const auto lines = lines_of(answer.out);
  ASSERT_EQ(lines.size(), 18u);
  EXPECT_EQ(lines[2],
            "1970-01-01T00:00:00.000002000Z trainer#3 BatchEnd step=2 epoch=0 batch=0 samples=0 loss=0.5 accuracy=0 "
            "learning_rate=0");
  EXPECT_EQ(lines[3],
            "1970-01-01T00:00:00.000002001Z trainer#4 Metric step=2 epoch=0 metric=\"metric of block 0\" value=2");
}

TEST_F(LogCommandTest, PicksByStepTimeNumberTypeAndRing) {
  const auto first_and_last = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"export", file, "--format", "jsonl"});
    const LogAnswer answer = log_command_says(arguments);
    EXPECT_EQ(answer.code, 0) << answer.err;
    const auto lines = lines_of(answer.out);
    if (lines.empty()) return std::string("nothing");
    const auto row = [](const std::string& line) {
      const auto json = nlohmann::json::parse(line);
      return json.at("type").get<std::string>() + std::to_string(json.at("fields").at("step").get<int>());
    };
    return std::to_string(lines.size()) + ": " + row(lines.front()) + " to " + row(lines.back());
  };
  EXPECT_EQ(first_and_last({}), "18: BatchEnd1 to Metric9");
  EXPECT_EQ(first_and_last({"--from", "4"}), "12: BatchEnd4 to Metric9");
  EXPECT_EQ(first_and_last({"--to", "4"}), "8: BatchEnd1 to Metric4");
  EXPECT_EQ(first_and_last({"--from", "3", "--to", "5"}), "6: BatchEnd3 to Metric5");
  EXPECT_EQ(first_and_last({"--from", "3", "--to", "5", "--type", "Metric"}), "3: Metric3 to Metric5");
  EXPECT_EQ(first_and_last({"--from", "10"}), "nothing");
  EXPECT_EQ(first_and_last({"--by", "sequence", "--from", "4", "--to", "7"}), "4: Metric2 to BatchEnd4");
  EXPECT_EQ(
      first_and_last({"--by", "time", "--from", "1970-01-01T00:00:00.000004Z", "--to", "1970-01-01T00:00:00.000005Z"}),
      "3: BatchEnd4 to BatchEnd5");
  EXPECT_EQ(first_and_last({"--ring", "trainer", "--type", "BatchEnd"}), "9: BatchEnd1 to BatchEnd9");
}

TEST_F(LogCommandTest, InfoSaysWhatIsInIt) {
  const LogAnswer answer = log_command_says({"info", file});
  EXPECT_EQ(answer.code, 0) << answer.err;
  for (const char* words : {"events    18\n", "steps     1 to 9\n", "ring      trainer (trainer): 18 events\n",
                            "type      BatchEnd (id 6): 9 events, 360 bytes\n", "ends      closed by its recorder\n"})
    EXPECT_NE(answer.out.find(words), std::string::npos) << words << "isn't in\n" << answer.out;
}

TEST_F(LogCommandTest, VerifyNamesTheBadBlocks) {
  const LogAnswer whole = log_command_says({"verify", file});
  EXPECT_EQ(whole.code, 0);
  EXPECT_EQ(whole.out, file + ": 5 blocks with 18 events are whole; it ends closed by its recorder.\n");
  EXPECT_EQ(whole.err, "");
  damage(2);
  const LogAnswer bad = log_command_says({"verify", file});
  EXPECT_EQ(bad.code, 3);
  EXPECT_NE(bad.err.find("block 2 is damaged (4096 bytes at 8192); all else was read."), std::string::npos) << bad.err;
  EXPECT_NE(bad.out.find("4 blocks with 12 events are whole"), std::string::npos) << bad.out;
  const LogAnswer cat = log_command_says({"cat", file});
  EXPECT_EQ(cat.code, 3);
  EXPECT_EQ(lines_of(cat.out).size(), 12u);
}

TEST_F(LogCommandTest, ATornTailIsNoDamage) {
  const std::string text = read_text(file);
  write_text(file, text.substr(0, text.size() - 6000));
  const LogAnswer answer = log_command_says({"verify", file});
  EXPECT_EQ(answer.code, 0);
  EXPECT_NE(answer.out.find("within a block that isn't whole (2192 bytes)"), std::string::npos) << answer.out;
  EXPECT_EQ(answer.err, "");
}

TEST_F(LogCommandTest, SliceWritesALogOfItsOwn) {
  const std::string out = folder / "part.log";
  EXPECT_EQ(log_command_says({"slice", file, "--from", "4", "--to", "6", "-o", out}).code, 0);
  std::vector<Seen> expected = all_of(file);
  expected = {expected.begin() + 6, expected.begin() + 12};
  LogReader log(out);
  EXPECT_EQ(all_of(log), expected);
  EXPECT_EQ(log.end(), LogEnd::closed);
  EXPECT_EQ(log.began(), LogReader(file).began());
  EXPECT_NE(refusal({"slice", file, "-o", out}).find("exists already"), std::string::npos);
  EXPECT_EQ(all_of(out), expected);
}

TEST_F(LogCommandTest, ExportWritesCsv) {
  const std::string out = folder / "log.csv";
  EXPECT_EQ(log_command_says({"export", file, "--format", "csv", "--type", "Metric", "-o", out}).code, 0);
  const auto lines = lines_of(read_text(out));
  ASSERT_EQ(lines.size(), 10u);
  EXPECT_EQ(lines[0], "stamp,ring,sequence,type,step,epoch,metric,value");
  EXPECT_EQ(lines[1], "1001,trainer,2,Metric,1,0,metric of block 0,1");
  EXPECT_EQ(log_command_says({"export", file, "--format", "csv"}).code, 0);
}

TEST_F(LogCommandTest, ExportedJsonSaysNaNAsNull) {
  const std::string path = folder / "nan.log";
  {
    Bus bus;
    bus.record(path);
    bus.producer("a \"ring\"")
        .publish(Metric{.value = std::numeric_limits<double>::quiet_NaN(), .metric = intern("a\nb")});
    bus.close();
  }
  const auto json = nlohmann::json::parse(log_command_says({"export", path, "--format", "jsonl"}).out);
  EXPECT_TRUE(json.at("fields").at("value").is_null());
  EXPECT_EQ(json.at("fields").at("metric"), "a\nb");
  EXPECT_EQ(json.at("ring"), "a \"ring\"");
}

TEST_F(LogCommandTest, TailPrintsTheLast) {
  const auto lines = lines_of(log_command_says({"tail", file, "-n", "3"}).out);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_NE(lines[0].find("trainer#16 Metric"), std::string::npos) << lines[0];
  EXPECT_NE(lines[2].find("trainer#18 Metric"), std::string::npos) << lines[2];
  EXPECT_EQ(lines_of(log_command_says({"tail", file, "-n", "100"}).out).size(), 18u);
  EXPECT_EQ(log_command_says({"tail", file, "-n", "0"}).out, "");
  EXPECT_EQ(lines_of(log_command_says({"tail", file, "--type", "BatchEnd"}).out).size(), 9u);
}

TEST_F(LogCommandTest, TailFollowsUntilTheLogIsClosed) {
  const std::string path = folder / "live.log";
  Bus bus;
  bus.record(path);
  Producer producer = bus.producer("trainer", Stream::trainer);
  producer.publish(BatchEnd{.step = 1});
  bus.flush();
  LogAnswer answer;
  std::thread follower([&] { answer = log_command_says({"tail", path, "-f"}); });
  for (Step step = 2; step <= 40; ++step) {
    producer.publish(BatchEnd{.step = step});
    bus.flush();
  }
  bus.close();
  follower.join();
  EXPECT_EQ(answer.code, 0) << answer.err;
  const auto lines = lines_of(answer.out);
  ASSERT_FALSE(lines.empty());
  // it may have begun late; from then on nothing is missing
  const auto step_of = [](const std::string& line) { return std::stoi(line.substr(line.find("step=") + 5)); };
  for (std::size_t i = 0; i < lines.size(); ++i) EXPECT_EQ(step_of(lines[i]), step_of(lines[0]) + static_cast<int>(i));
  EXPECT_EQ(step_of(lines.back()), 40);
}

TEST_F(LogCommandTest, SaysWhatIsWrongInOneSentence) {
  write_text(folder / "other.txt", "step,loss\n1,2\n" + std::string(5000, 'x'));
  const std::string nowhere = "/nowhere/part", long_name = folder / std::string(300, 'x');
  EXPECT_NE(refusal({"export", file, "--format", "csv", "-o", nowhere})
                .find("/nowhere/part: cannot be written: No such file or directory. Check the path"),
            std::string::npos);
  EXPECT_NE(refusal({"export", file, "--format", "csv", "-o", long_name}).find("too long. Choose a shorter name."),
            std::string::npos);
  EXPECT_NE(
      refusal({"cat", folder / "none.log"})
          .find("none.log: cannot read the log: No such file or directory. Name one that is there and may be read."),
      std::string::npos);
  EXPECT_NE(refusal({"info", folder / "other.txt"}).find("other.txt: isn't a log of events."), std::string::npos);
  EXPECT_NE(refusal({"cat", folder / ""}).find("is a folder without an events.log. Name a log: "), std::string::npos);
  write_text(folder / "events.log", read_text(file));
  EXPECT_NE(refusal({"cat", folder / ""}).find("Name the log in it: " + (folder / "events.log").string() + "."),
            std::string::npos);
  EXPECT_NE(refusal({"cta", file}).find("log cta: there is no such action. Did you mean 'cat'?"), std::string::npos);
  EXPECT_NE(refusal({"cat", file, "--from", "x"}).find("--from x: must be a whole number, or say --by time."),
            std::string::npos);
  EXPECT_NE(refusal({"cat", file, "--by", "time", "--from", "noon"}).find("--from noon: must be a time like "),
            std::string::npos);
  EXPECT_NE(refusal({"cat", file, "--by", "day"}).find("--by day: must be step, time or sequence."), std::string::npos);
  EXPECT_NE(refusal({"cat", file, "--from", "5", "--to", "3"}).find("--from 5 lies behind --to 3."), std::string::npos);
  EXPECT_NE(refusal({"cat", file, "--type", "Metrik"}).find("the log has no such type. Did you mean 'Metric'?"),
            std::string::npos);
  EXPECT_NE(refusal({"cat", file, "--ring", "trainr"}).find("the log has no such ring. Did you mean 'trainer'?"),
            std::string::npos);
  EXPECT_NE(refusal({"info", file, "--format", "csv"}).find("log info: takes no --format."), std::string::npos);
  EXPECT_NE(refusal({"export", file}).find("--format csv or --format jsonl"), std::string::npos);
  EXPECT_NE(refusal({"slice", file}).find("-o FILE"), std::string::npos);
}

TEST(LogTime, IsReadAsItIsWritten) {
  for (const Nanoseconds time : {Nanoseconds{0}, Nanoseconds{1'796'000'000'123'456'789}, Nanoseconds{-1}}) {
    const auto read = utc_time(utc(time));
    ASSERT_TRUE(read) << utc(time);
    EXPECT_LE(std::abs(*read - time), 10) << utc(time);
  }
  EXPECT_EQ(utc(0), "1970-01-01T00:00:00.000000000Z");
  EXPECT_EQ(utc_time("2026-01-31T23:59Z"), utc_time("2026-01-31T23:59:00.0"));
  EXPECT_FALSE(utc_time("2026-01-31"));
  EXPECT_FALSE(utc_time("2026-01-31T23:59:99"));
}

}  // namespace
}  // namespace sidestep
