#include <gtest/gtest.h>

#include <scratch_folder.hpp>
#include <sidestep/trainer/control/numbers.hpp>
#include <sidestep/trainer/control/spec.hpp>

namespace sidestep {
namespace {

using test::complaint;

TEST(Spec, ReadsANameAndOptions) {
  EXPECT_EQ(parse_spec("progress"), (Spec{"progress", {}}));
  EXPECT_EQ(parse_spec("early_stopping:monitor=val/loss,patience=10"),
            (Spec{"early_stopping", {{"monitor", "val/loss"}, {"patience", "10"}}}));
  EXPECT_EQ(parse_spec("a:at=batch:20,x=y=z,empty="), (Spec{"a", {{"at", "batch:20"}, {"x", "y=z"}, {"empty", ""}}}));
  EXPECT_EQ(parse_spec(R"(csv_logger:file=a\,b\\c.csv)"), (Spec{"csv_logger", {{"file", R"(a,b\c.csv)"}}}));
  // at the end too
  EXPECT_EQ(parse_spec(R"(csv_logger:separator=\,)"), (Spec{"csv_logger", {{"separator", ","}}}));
  EXPECT_EQ(parse_spec(R"(csv_logger:append=no,separator=\,)"),
            (Spec{"csv_logger", {{"append", "no"}, {"separator", ","}}}));
  EXPECT_EQ(parse_spec(R"(a:b=c\\)"), (Spec{"a", {{"b", R"(c\)"}}}));
}

TEST(Spec, WritesWhatItReads) {
  for (const char* text : {"progress", "a:b=c", R"(a:b=c\,d\\,e=)", R"(a:b=\,)", R"(a:b=\\)",
                           "early_stopping:at=batch:20,monitor=batch/loss"})
    EXPECT_EQ(parse_spec(text).text(), text);
}

TEST(Spec, FindsAnOption) {
  const Spec spec = parse_spec("a:b=c");
  ASSERT_NE(spec.find("b"), nullptr);
  EXPECT_EQ(*spec.find("b"), "c");
  EXPECT_EQ(spec.find("c"), nullptr);
}

TEST(Spec, SaysWhatIsWrong) {
  const auto said = [](std::string_view text) { return complaint<SpecError>([&] { parse_spec(text); }); };
  EXPECT_EQ(said(""), "'' doesn't begin with a name. Write NAME or NAME:key=value,key=value.");
  EXPECT_EQ(said("patience=3"), "'patience=3' doesn't begin with a name. Write NAME or NAME:key=value,key=value.");
  EXPECT_EQ(said("a:"), "'a:' ends where an option should follow. Write NAME:key=value,key=value.");
  EXPECT_EQ(said("a:b=1,"), "'a:b=1,' ends where an option should follow. Write NAME:key=value,key=value.");
  EXPECT_EQ(said(R"(a:b=\\,)"), R"('a:b=\\,' ends where an option should follow. Write NAME:key=value,key=value.)");
  EXPECT_EQ(said("a:,b=1"), "'' in 'a:,b=1' isn't an option. Write key=value.");
  EXPECT_EQ(said("a:b"), "'b' in 'a:b' isn't an option. Write key=value.");
  EXPECT_EQ(said("a:=1"), "'=1' in 'a:=1' isn't an option. Write key=value.");
  EXPECT_EQ(said("a:b=1,b=2"), "'a:b=1,b=2' gives b twice. Leave one out.");
}

TEST(Numbers, AreTheWholeTextOrNothing) {
  EXPECT_EQ(whole_number("42"), 42);
  EXPECT_EQ(whole_number("-3"), -3);
  EXPECT_EQ(whole_number("+3"), 3);
  for (const char* text : {"", "x", "3x", " 3", "3.0", "1e3", "+-3", "9223372036854775808"})
    EXPECT_EQ(whole_number(text), std::nullopt) << text;
  EXPECT_EQ(finite_number("2e-3"), 0.002);
  EXPECT_EQ(finite_number("5"), 5.0);
  for (const char* text : {"", "nan", "inf", "-inf", "1e999", "0x10", "1,5"})
    EXPECT_EQ(finite_number(text), std::nullopt) << text;
}

}  // namespace
}  // namespace sidestep
