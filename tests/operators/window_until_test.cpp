#include "operators/cut.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

constexpr auto is_zero = [](double x) { return x == 0; };
auto summed_until_zero(auto in) { return std::move(in) | window(until(is_zero)) | sum(); }

TEST(WindowUntil, TheValueThatClosesItIsItsLast) {
  EXPECT_EQ(marble("12-0-45-0-|", [](auto in) { return summed_until_zero(std::move(in)); }), "3:3 8:9 10:|");
  EXPECT_EQ(
      marble("1-4-2-5|", [](auto in) { return std::move(in) | window(until([](double x) { return x > 3; })) | sum(); }),
      "2:5 6:7 7:|");
}

TEST(WindowUntil, NothingComesOfNothing) {
  EXPECT_EQ(marble("----|", [](auto in) { return summed_until_zero(std::move(in)); }), "4:|");
}

TEST(WindowUntil, OfOneValue) {
  EXPECT_EQ(marble("0|", [](auto in) { return summed_until_zero(std::move(in)); }), "0:0 1:|");
  EXPECT_EQ(marble("1|", [](auto in) { return summed_until_zero(std::move(in)); }), "1:1 1:|");
}

TEST(WindowUntil, EachValueCloses) {
  EXPECT_EQ(marble("123|", [](auto in) { return std::move(in) | window(until([](double) { return true; })) | sum(); }),
            "0:1 1:2 2:3 3:|");
}

TEST(WindowUntil, NoneCloses) {
  EXPECT_EQ(marble("123|", [](auto in) { return summed_until_zero(std::move(in)); }), "3:6 3:|");
}

TEST(WindowUntil, OneThatIsOpenAtTheEndEmitsWhatItHas) {
  EXPECT_EQ(marble("1-0-2-|", [](auto in) { return summed_until_zero(std::move(in)); }), "2:1 6:2 6:|");
}

struct Chunk {
  static constexpr EventId id = first_user_event + 210;
  static constexpr std::string_view name = "Chunk";
  double size;
  bool last;
};

TEST(WindowUntil, ByAMember) {
  Bus bus({.thread = false});
  std::vector<double> sizes;
  bus.on<Chunk>() | window(until(&Chunk::last)) | sum(&Chunk::size) | subscribe([&](double x) { sizes.push_back(x); });
  Producer producer = bus.producer("test");
  for (int i = 1; i <= 5; ++i) producer.publish(Chunk{static_cast<double>(i), i % 2 == 0});
  bus.close();
  EXPECT_EQ(sizes, (std::vector<double>{3, 7, 5}));
}

TEST(WindowUntil, TakeBehindItEndsTheStream) {
  EXPECT_EQ(marble("1-0-2-0|", [](auto in) { return summed_until_zero(std::move(in)) | take(1); }), "2:1 2:|");
}

TEST(WindowUntil, ATakeBeforeItLetsItEmit) {
  EXPECT_EQ(marble("1-2-0|", [](auto in) { return std::move(in) | take(2) | window(until(is_zero)) | sum(); }),
            "2:3 2:|");
}

TEST(WindowUntil, DependsOnNoClock) {
  Driven driven([](auto in) { return summed_until_zero(std::move(in)); });
  EXPECT_FALSE(driven.handle()->options().wall_time);
}

TEST(WindowUntil, SaysItsPredicate) {
  Bus bus({.thread = false});
  const Handle handle =
      bus.on<Number>() | map(&Number::value) | window(until(not_finite)) | sum() | subscribe([](double) {});
  bool said = false;
  for (const std::string& line : handle->pipeline().describe())
    said |= line.find("window(until)(not_finite)") != std::string::npos;
  EXPECT_TRUE(said);
}

TEST(WindowUntil, AsksOnceOfEachValue) {
  std::string asked;
  const auto closes = [&](double x) { return asked += text_of(x) + " ", x == 0; };
  EXPECT_EQ(marble("120|", [&](auto in) { return std::move(in) | window(until(closes)) | sum(); }), "2:3 3:|");
  EXPECT_EQ(asked, "1 2 0 ");
}

/// It counts, so what it says depends on what came before.
struct each_third {
  int seen = 0;
  bool operator()(double) { return ++seen % 3 == 0; }
  void state(auto& archive) { archive(seen); }
};

TEST(WindowUntil, AsTheReference) {
  compare([](auto in) { return std::move(in) | window(until(is_zero)) | mean(); },
          [](const Moments& s, bool over) {
            Values out, open;
            const auto close = [&] {
              double total = 0;
              for (const double x : open) total += x;
              if (!open.empty()) out.push_back(total / static_cast<double>(open.size()));
              open.clear();
            };
            for (const double x : values_of(s)) {
              open.push_back(x);
              if (x == 0) close();
            }
            if (over) close();
            return out;
          });
  compare_chains([](auto in) { return std::move(in) | window(until(each_third{})) | mean(); },
                 [](auto in) { return std::move(in) | window(count(3)) | mean(); });
}

TEST(WindowUntil, IsSavedAnywhereWithItsPredicate) {
  const auto build = [](auto in) { return std::move(in) | window(until(each_third{})) | mean(); };
  expect_same_at_every_cut("until", build);
  expect_words_for_damage("until", build);
}

TEST(WindowUntil, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  expect_usual_cases([](auto in) { return summed_until_zero(std::move(in)); });
}

}  // namespace
