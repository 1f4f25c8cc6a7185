#include "operators/two_inputs.hpp"

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(Picture, OfAChain) {
  Bus bus({.thread = false});
  const Handle handle = bus.on<BatchEnd>() | every(100) | map(&BatchEnd::loss) | subscribe([](double) {});
  EXPECT_EQ(mermaid(handle->pipeline().describe()),
            "flowchart LR\n"
            "  n0([\"BatchEnd\"])\n"
            "  n1[\"every(100)\"]\n"
            "  n2[\"map\"]\n"
            "  n3[\"subscribe\"]\n"
            "  n0 --> n1\n"
            "  n1 -->|\"BatchEnd\"| n2\n"
            "  n2 -->|\"double\"| n3\n");
  EXPECT_EQ(dot(handle->pipeline().describe()),
            "digraph {\n  rankdir=LR;\n  node [shape=box];\n"
            "  n0 [label=\"BatchEnd\", shape=oval];\n"
            "  n1 [label=\"every(100)\"];\n"
            "  n2 [label=\"map\"];\n"
            "  n3 [label=\"subscribe\"];\n"
            "  n0 -> n1;\n"
            "  n1 -> n2 [label=\"BatchEnd\"];\n"
            "  n2 -> n3 [label=\"double\"];\n"
            "}\n");
}

TEST(Picture, BranchesComeTogetherWhereTheyDo) {
  Bus bus({.thread = false});
  const auto number = [&] { return bus.on<Number>() | map(&Number::value); };
  const Handle handle = merge(number(), number() | take(2), bus.on<OtherNumber>() | map(&OtherNumber::value)) |
                        every(2) | subscribe([](double) {});
  EXPECT_EQ(handle->pipeline().describe(),
            (std::vector<std::string>{"from test::Number", "map", "double", "from test::Number", "map", "double",
                                      "take(2)", "double", "from test::OtherNumber", "map", "double", "3 together",
                                      "every(2)", "double", "subscribe"}));
  const std::string text = mermaid(handle->pipeline().describe());
  for (const char* arrow : {"n0 --> n1", "n2 --> n3", "n3 -->|\"double\"| n4", "n5 --> n6", "n1 -->|\"double\"| n7",
                            "n4 -->|\"double\"| n7", "n6 -->|\"double\"| n7", "n7 -->|\"double\"| n8"})
    EXPECT_NE(text.find(arrow), std::string::npos) << arrow << " isn't in\n" << text;
  EXPECT_EQ(text.find("together"), std::string::npos);
}

TEST(Picture, OfOneWithinAnother) {
  Bus bus({.thread = false});
  const Handle handle =
      zip(zip(bus.on<Number>(), bus.on<OtherNumber>(), [](const auto& a, const auto& b) { return a.value + b.value; }),
          bus.on<Number>() | map(&Number::value), std::plus<>()) |
      subscribe([](double) {});
  const std::string text = dot(handle->pipeline().describe());
  // 0 Number, 1 port; 2 OtherNumber, 3 port; 4 zip, 5 port; 6 Number, 7 map, 8 port; 9 zip; 10 subscribe
  for (const char* arrow : {"n1 -> n4 ", "n3 -> n4 ", "n4 -> n5 ", "n5 -> n9 ", "n8 -> n9 ", "n9 -> n10 "})
    EXPECT_NE(text.find(arrow), std::string::npos) << arrow << " isn't in\n" << text;
}

TEST(Picture, SourcesThatMeetAtOnce) {
  Bus bus({.thread = false});
  const Handle handle = merge(bus.on<Number>(), bus.on<Number>()) | subscribe([](const Number&) {});
  const std::string text = mermaid(handle->pipeline().describe());
  EXPECT_NE(text.find("n0 --> n2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("n1 --> n2\n"), std::string::npos) << text;
}

TEST(Picture, WhatAPictureLanguageReadsItselfIsEscaped) {
  const std::vector<std::string> lines{"A<B>", "say(\"x\\y\")", "C<D>", "end"};
  EXPECT_NE(mermaid(lines).find("A#lt;B#gt;"), std::string::npos);
  EXPECT_NE(mermaid(lines).find("say(#quot;x\\y#quot;)"), std::string::npos);
  EXPECT_NE(dot(lines).find("say(\\\"x\\\\y\\\")"), std::string::npos);
}

TEST(Picture, OfNothingIsEmptyAndOfAnythingIsAPicture) {
  EXPECT_EQ(mermaid({}), "flowchart LR\n");
  EXPECT_EQ(dot({}), "digraph {\n  rankdir=LR;\n  node [shape=box];\n}\n");
  for (const std::vector<std::string>& lines : {std::vector<std::string>{"9 together"},
                                                {"a", "9 together", "b"},
                                                {"from a", "from b"},
                                                {"a", "b", "c"},
                                                {"from "}})
    EXPECT_FALSE(mermaid(lines).empty());
}

}  // namespace
