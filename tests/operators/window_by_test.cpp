#include "operators/cut.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

constexpr auto parity = [](double x) { return std::isnan(x) ? 2 : static_cast<int>(x) % 2; };
/// How many values each window had.
struct window_sizes {
  double n = 0;
  template <class In>
  using out = double;
  void operator()(const auto& window, auto&& out) {
    if (window.enters != nullptr) ++n;
    if (window.emits) out(std::exchange(n, 0));
  }
  void end(auto&& out) {
    if (n > 0) out(n);
  }
  void state(auto& archive) { archive(n); }
};

auto summed_by_parity(auto in) { return std::move(in) | window(by(parity)) | sum(); }

TEST(WindowBy, AnotherKeyClosesTheWindowBeforeItsValueEnters) {
  EXPECT_EQ(marble("-1-3-2-4-5-|", [](auto in) { return summed_by_parity(std::move(in)); }), "5:4 9:6 11:5 11:|");
}

TEST(WindowBy, NothingComesOfNothing) {
  EXPECT_EQ(marble("-------|", [](auto in) { return summed_by_parity(std::move(in)); }), "7:|");
}

TEST(WindowBy, OfOneValueAndOfOneKey) {
  EXPECT_EQ(marble("-1---|", [](auto in) { return summed_by_parity(std::move(in)); }), "5:1 5:|");
  EXPECT_EQ(marble("-1-3-5|", [](auto in) { return summed_by_parity(std::move(in)); }), "6:9 6:|");
}

TEST(WindowBy, AKeyThatComesAgainOpensAWindowOfItsOwn) {
  EXPECT_EQ(marble("-1-2-3-|", [](auto in) { return summed_by_parity(std::move(in)); }), "3:1 5:2 7:3 7:|");
}

TEST(WindowBy, ByTheValueItself) {
  EXPECT_EQ(marble("11222-1|", [](auto in) { return std::move(in) | window(by()) | sum(); }), "2:2 6:6 7:1 7:|");
}

TEST(WindowBy, ByAMember) {
  Bus bus({.thread = false});
  std::vector<double> means;
  bus.on<BatchEnd>() | window(by(&BatchEnd::epoch)) | mean(&BatchEnd::loss) |
      subscribe([&](double x) { means.push_back(x); });
  Producer producer = bus.producer("test");
  for (Step step = 1; step <= 6; ++step)
    producer.publish(
        BatchEnd{.step = step, .loss = static_cast<double>(step), .epoch = static_cast<Epoch>((step + 2) / 3)});
  bus.close();
  EXPECT_EQ(means, (std::vector<double>{2, 5}));
}

TEST(WindowBy, ByText) {
  const auto name = [](double x) { return std::string(x < 3 ? "small" : "great enough to be allocated somewhere"); };
  EXPECT_EQ(marble("-1-2-3-4-1|", [&](auto in) { return std::move(in) | window(by(name)) | sum(); }),
            "5:3 9:7 10:1 10:|");
}

TEST(WindowBy, NaNEqualsNothing) {
  Driven driven([](auto in) { return std::move(in) | window(by()) | window_sizes{}; });
  const Moments stream{{0, std::nan("")}, {1, std::nan("")}, {2, 1.0}, {3, 1.0}};
  driven.run(stream.data(), stream.data() + 4, 8);
  driven.end(4);
  EXPECT_EQ(driven.output, (Values{1, 1, 2}));
}

TEST(WindowBy, TakeBehindItEndsTheStream) {
  EXPECT_EQ(marble("-1-2-3-|", [](auto in) { return summed_by_parity(std::move(in)) | take(1); }), "3:1 3:|");
}

TEST(WindowBy, ATakeBeforeItLetsItEmit) {
  EXPECT_EQ(marble("-1-3-5|", [](auto in) { return std::move(in) | take(2) | window(by(parity)) | sum(); }), "3:4 3:|");
}

TEST(WindowBy, DependsOnNoClock) {
  Driven driven([](auto in) { return summed_by_parity(std::move(in)); });
  EXPECT_FALSE(driven.handle()->options().wall_time);
}

TEST(WindowBy, AThrowingKeyFailsItsPipelineAlone) {
  Bus bus({.thread = false});
  const Handle handle = bus.on<Number>() | window(by([](const Number& n) {
                          if (n.value > 1) throw std::runtime_error("no key");
                          return 1;
                        })) |
                        sum(&Number::value) | subscribe([](double) {});
  bus.publish(Number{1});
  bus.publish(Number{2});
  while (bus.poll()) {
  }
  EXPECT_TRUE(handle->failed());
  EXPECT_NE(handle->error().find("no key"), std::string::npos);
}

TEST(WindowBy, AsTheReference) {
  compare([](auto in) { return std::move(in) | window(by(parity)) | mean(); },
          [](const Moments& s, bool over) {
            const Values all = values_of(s);
            Values out;
            for (std::size_t i = 0; i < all.size();) {
              const std::size_t begin = i;
              double total = 0;
              while (i < all.size() && parity(all[i]) == parity(all[begin])) total += all[i++];
              if (i < all.size() || over) out.push_back(total / static_cast<double>(i - begin));
            }
            return out;
          });
}

TEST(WindowBy, IsSavedAnywhere) {
  const auto build = [](auto in) { return std::move(in) | window(by(parity)) | min_of(); };
  expect_same_at_every_cut("by", build);
  expect_words_for_damage("by", build);
}

TEST(WindowBy, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  expect_usual_cases([](auto in) { return summed_by_parity(std::move(in)); });
}

}  // namespace
