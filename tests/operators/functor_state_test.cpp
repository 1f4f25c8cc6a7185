#include "operators/cut.hpp"

#include <gtest/gtest.h>

/// A functor that says its state is saved with the operator that holds it.
namespace {
using namespace sidestep;
using namespace sidestep::test;

/// Says true to two of three values.
struct TwoOfThree {
  std::int64_t calls = 0;
  bool operator()(double) { return ++calls % 3 != 0; }
  void state(auto& archive) { archive(calls); }
};
/// True at the n-th call and from then on.
struct FromTheNth {
  std::int64_t n, calls = 0;
  bool operator()(double) { return ++calls >= n; }
  void state(auto& archive) { archive(calls); }
};
struct UpToTheNth {
  FromTheNth from;
  bool operator()(double x) { return !from(x); }
  void state(auto& archive) { from.state(archive); }
};
/// The value, and how many have come before it in its hundreds.
struct Numbered {
  std::int64_t calls = 0;
  double operator()(double x) { return 100 * static_cast<double>(calls++) + x; }
  double operator()(double a, double x) { return a / 2 + (*this)(x); }
  void state(auto& archive) { archive(calls); }
};
/// A key that changes with every second value.
struct KeyOfTwo {
  std::int64_t calls = 0;
  std::int64_t operator()(double) { return calls++ / 2 % 3; }
  void state(auto& archive) { archive(calls); }
};
/// Says, with what it caught, how often that was.
struct Caught {
  std::int64_t times = 0;
  double operator()(std::string_view) { return static_cast<double>(++times); }
  void state(auto& archive) { archive(times); }
};
struct ThrowsAtTheNth {
  FromTheNth nth;
  double operator()(double x) { return nth(x) ? throw std::runtime_error("the nth") : x; }
  void state(auto& archive) { nth.state(archive); }
};

TEST(FunctorState, OfPredicates) {
  expect_same_at_every_cut("filter", [](auto in) { return std::move(in) | filter(TwoOfThree{}); });
  expect_same_at_every_cut("first", [](auto in) { return std::move(in) | first(FromTheNth{5}); });
  expect_same_at_every_cut("last", [](auto in) { return std::move(in) | last(TwoOfThree{}); });
  expect_same_at_every_cut("take_while", [](auto in) { return std::move(in) | take_while(UpToTheNth{{6}}); });
  expect_same_at_every_cut("take_until", [](auto in) { return std::move(in) | take_until(FromTheNth{6}); });
  expect_same_at_every_cut("skip_while", [](auto in) { return std::move(in) | skip_while(UpToTheNth{{6}}); });
  expect_same_at_every_cut("window(until)",
                           [](auto in) { return std::move(in) | window(until(TwoOfThree{})) | sum(); });
  const auto same = [](auto in) { return in; };
  expect_same_at_every_cut("partition", [=](auto in) {
    return std::move(in) | partition(TwoOfThree{}, same, [](auto no) { return std::move(no) | map(Numbered{}); });
  });
}

TEST(FunctorState, OfKeys) {
  expect_same_at_every_cut("distinct", [](auto in) { return std::move(in) | distinct(2, KeyOfTwo{}); });
  expect_same_at_every_cut("distinct_until_changed",
                           [](auto in) { return std::move(in) | distinct_until_changed(KeyOfTwo{}); });
  expect_same_at_every_cut("window(by)", [](auto in) { return std::move(in) | window(by(KeyOfTwo{})) | sum(); });
  expect_same_at_every_cut("group_by", [](auto in) {
    return std::move(in) |
           group_by(KeyOfTwo{}, at_most(3), [](auto each) { return std::move(each) | map(Numbered{}); }) |
           map([](const auto& pair) { return pair.second; });
  });
  expect_same_at_every_cut(
      "join", [](auto a, auto b) { return join(std::move(a), KeyOfTwo{}, std::move(b), KeyOfTwo{}, Numbered{}); });
}

TEST(FunctorState, OfFunctions) {
  expect_same_at_every_cut("map", [](auto in) { return std::move(in) | map(Numbered{}); });
  expect_same_at_every_cut("tap", [](auto in) { return std::move(in) | tap(Numbered{}) | map(Numbered{}); });
  expect_same_at_every_cut("scan", [](auto in) { return std::move(in) | scan(0.0, Numbered{}); });
  expect_same_at_every_cut("reduce", [](auto in) { return std::move(in) | reduce(0.0, Numbered{}); });
  expect_same_at_every_cut("sum", [](auto in) { return std::move(in) | window(count(2)) | sum(Numbered{}); });
  expect_same_at_every_cut("min_of", [](auto in) { return std::move(in) | window(count(2)) | min_of(Numbered{}); });
  expect_same_at_every_cut("quantile",
                           [](auto in) { return std::move(in) | window(count(2)) | quantile(0.3, Numbered{}); });
  expect_same_at_every_cut("stats", [](auto in) {
    return std::move(in) | window(count(2)) | stats(sum(Numbered{}), mean()) |
           map([](const auto& a) { return a[0] + a[1]; });
  });
  expect_same_at_every_cut("histogram", [](auto in) {
    return std::move(in) | window(count(2)) | histogram<2>(0, 400, Numbered{}) |
           map([](const auto& h) { return static_cast<double>(h.counts[1]); });
  });
  expect_same_at_every_cut("page_hinkley",
                           [](auto in) { return std::move(in) | page_hinkley(0.1, 2, {.least = 2}, Numbered{}); });
}

TEST(FunctorState, OfFunctionsOfTwo) {
  expect_same_at_every_cut("zip", [](auto a, auto b) { return zip(std::move(a), std::move(b), Numbered{}); });
  expect_same_at_every_cut("combine_latest",
                           [](auto a, auto b) { return combine_latest(std::move(a), std::move(b), Numbered{}); });
  expect_same_at_every_cut("with_latest_from",
                           [](auto a, auto b) { return std::move(a) | with_latest_from(std::move(b), Numbered{}); });
}

TEST(FunctorState, OfWhatCatches) {
  expect_same_at_every_cut("catch_error",
                           [](auto in) { return std::move(in) | map(ThrowsAtTheNth{{6}}) | catch_error(Caught{}); });
  expect_same_at_every_cut("on_error_continue", [](auto in) {
    return std::move(in) | map(ThrowsAtTheNth{{6}}) | on_error_continue(Caught{});
  });
}

}  // namespace
