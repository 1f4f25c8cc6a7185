#include "operators/cut.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

auto audited(auto in) { return std::move(in) | audit(4ns); }

TEST(Audit, EmitsTheNewestAtTheEndOfTheInterval) {
  EXPECT_EQ(marble("-1-2-3---4-----|", [](auto in) { return audited(std::move(in)); }), "5:2 9:3 13:4 15:|");
}

TEST(Audit, NothingComesOfNothing) {
  EXPECT_EQ(marble("-------|", [](auto in) { return audited(std::move(in)); }), "7:|");
}

TEST(Audit, OneValueComesAtTheEndOfItsInterval) {
  EXPECT_EQ(marble("-1---------|", [](auto in) { return audited(std::move(in)); }), "5:1 11:|");
}

TEST(Audit, AValueExactlyAtTheEndOpensTheNextInterval) {
  EXPECT_EQ(marble("1---2----|", [](auto in) { return audited(std::move(in)); }), "4:1 8:2 9:|");
}

TEST(Audit, TheNextIntervalIsOpenedByAValueNotByTheEndOfTheLast) {
  EXPECT_EQ(marble("1------23-----|", [](auto in) { return audited(std::move(in)); }), "4:1 11:3 14:|");
}

TEST(Audit, WithoutTicksTheNextValueClosesIt) {
  Driven driven([](auto in) { return audited(std::move(in)); });
  const Moments stream{{0, 1.0}, {1, 2.0}, {50, 3.0}};
  driven.run(stream.data(), stream.data() + 3, 8);
  EXPECT_EQ(driven.output, (Values{2}));
}

TEST(Audit, WhatWaitsIsEmittedAtTheEnd) {
  EXPECT_EQ(marble("12|", [](auto in) { return audited(std::move(in)); }), "2:2 2:|");
}

TEST(Audit, AnEarlierStampBelongsToTheOpenInterval) {
  Driven driven([](auto in) { return audited(std::move(in)); });
  const Moments stream{{10, 1.0}, {3, 2.0}, {13, std::nullopt}, {14, std::nullopt}};
  driven.run(stream.data(), stream.data() + 3, 8);
  EXPECT_TRUE(driven.output.empty());
  driven.run(stream.data() + 3, stream.data() + 4, 8);
  EXPECT_EQ(driven.output, (Values{2}));
}

TEST(Audit, ALateValueBehindAnIntervalThatHasEndedOpensOneOfItsOwn) {
  Driven driven([](auto in) { return audited(std::move(in)); });
  const Moments stream{{10, 1.0}, {14, std::nullopt}, {3, 2.0}, {6, std::nullopt}, {7, std::nullopt}};
  driven.run(stream.data(), stream.data() + 4, 8);
  EXPECT_EQ(driven.output, (Values{1}));
  driven.run(stream.data() + 4, stream.data() + 5, 8);
  EXPECT_EQ(driven.output, (Values{1, 2})) << "it has an interval of its own, by its own stamp";
}

TEST(Audit, TakeBehindItEndsTheStream) {
  EXPECT_EQ(marble("1---2---3---|", [](auto in) { return audited(std::move(in)) | take(1); }), "4:1 4:|");
}

TEST(Audit, RefusesAnIntervalOfNothing) {
  EXPECT_THROW(audit(0ns), OperatorError);
  EXPECT_THROW(audit(-3ns), OperatorError);
}

TEST(Audit, AsTheReference) {
  compare([](auto in) { return audited(std::move(in)); },
          [](const Moments& s, bool over) {
            Values out;
            for (std::size_t i = 0; i < s.size();) {
              if (!s[i].value) {
                ++i;
                continue;
              }
              const Nanoseconds end = s[i].at + 4;
              double newest = 0;
              for (; i < s.size() && s[i].at < end; ++i)
                if (s[i].value) newest = *s[i].value;
              if (i < s.size() || over) out.push_back(newest);
            }
            return out;
          });
}

TEST(Audit, IsSavedAnywhere) {
  const auto build = [](auto in) { return audited(std::move(in)); };
  expect_same_at_every_cut("audit", build);
  expect_words_for_damage("audit", build);
}

TEST(Audit, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  expect_usual_cases([](auto in) { return audited(std::move(in)); });
}

}  // namespace
