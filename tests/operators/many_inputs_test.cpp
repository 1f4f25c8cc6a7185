#include "operators/two_inputs.hpp"

#include <array>
#include <tuple>

/// zip, combine_latest, with_latest_from and concat of more than two chains. (Of two: their own tests.)
namespace {
using namespace sidestep;
using namespace sidestep::test;

template <int n>
struct Letter {
  static constexpr EventId id = first_user_event + 240 + n;
  static constexpr std::string_view name = n == 0 ? "LetterA" : n == 1 ? "LetterB" : n == 2 ? "LetterC" : "LetterD";
  double value;
};

/// What comes out of a script of four inputs, "a1 b2 |"; "on" or "over" for "?".
template <class Build>
std::string letters(std::string_view words, Build build) {
  std::string output;
  ScriptSink sink{output};
  Bus bus({.thread = false});
  const auto of = [&]<int n>() { return bus.on<Letter<n>>() | map(&Letter<n>::value); };
  const Handle handle = build(of.template operator()<0>(), of.template operator()<1>(), of.template operator()<2>(),
                              of.template operator()<3>()) |
                        subscribe(sink);
  for (std::size_t at = 0; at < words.size();) {
    const std::string_view word = words.substr(at, words.find(' ', at) - at);
    at += word.size() + 1;
    const double value = word.size() > 1 ? std::atof(std::string(word.substr(1)).c_str()) : 0;
    if (word[0] == 'a') bus.publish(Letter<0>{value});
    if (word[0] == 'b') bus.publish(Letter<1>{value});
    if (word[0] == 'c') bus.publish(Letter<2>{value});
    if (word[0] == 'd') bus.publish(Letter<3>{value});
    if (word[0] == '?') sink.write(handle->life() == Subscription::Life::completed ? "over" : "on");
    if (word[0] == '|')
      bus.close();
    else
      while (bus.poll()) {
      }
    if (handle->failed()) return output + " # " + handle->error();
  }
  bus.close();
  return output;
}

constexpr auto digits = [](auto... values) {
  double all = 0;
  ((all = 10 * all + values), ...);
  return all;
};

TEST(ManyInputs, ZipPairsTheFirstOfAllWithEachOther) {
  const auto three = [](auto a, auto b, auto c, auto) { return zip(std::move(a), std::move(b), std::move(c), digits); };
  EXPECT_EQ(letters("a1 b2 c3 a4 b5 c6 |", three), "123 456 |");
  EXPECT_EQ(letters("c3 c6 b2 b5 a1 a4 |", three), "123 456 |");
  EXPECT_EQ(letters("a1 a4 c3 b2 c6 b5 |", three), "123 456 |");
  EXPECT_EQ(letters("a1 b2 |", three), "|");
  const auto four = [](auto a, auto b, auto c, auto d) {
    return zip(std::move(a), std::move(b), std::move(c), std::move(d), digits);
  };
  EXPECT_EQ(letters("d4 a1 c3 d8 b2 |", four), "1234 |");
}

TEST(ManyInputs, ZipWithoutAFunctorEmitsATuple) {
  EXPECT_EQ(letters("a1 b2 c3 |",
                    [](auto a, auto b, auto c, auto) {
                      return zip(std::move(a), std::move(b), std::move(c)) |
                             map([](const std::tuple<double, double, double>& all) { return std::apply(digits, all); });
                    }),
            "123 |");
}

TEST(ManyInputs, ZipEndsWhenNothingOfAnEndedInputWaits) {
  const auto one = [](auto a, auto b, auto c, auto) {
    return zip(std::move(a), std::move(b) | take(1), std::move(c), digits);
  };
  EXPECT_EQ(letters("b2 ? a1 ? c3 ? a1 |", one), "on on 123 | over");
  EXPECT_EQ(letters("a1 c3 c4 b2 ? |", one), "123 | over");
  const auto two = [](auto a, auto b, auto c, auto) {
    return zip(std::move(a) | take(2), std::move(b), std::move(c), digits);
  };
  EXPECT_EQ(letters("a1 a4 c3 b2 ? c6 b5 ? |", two), "123 on 456 | over");
}

TEST(ManyInputs, ZipSaysWhichInputWaitsTooLong) {
  const auto three = [](auto a, auto b, auto c, auto) { return zip(std::move(a), std::move(b), std::move(c), digits); };
  std::string words = "a1 b1";
  for (int i = 0; i < 1025; ++i) words += " b2";
  EXPECT_NE(letters(words, three).find("zip: 1024 values of its second input wait"), std::string::npos)
      << letters(words, three);
}

TEST(ManyInputs, CombineLatestEmitsWhenOneOfThemComes) {
  const auto three = [](auto a, auto b, auto c, auto) {
    return combine_latest(std::move(a), std::move(b), std::move(c), digits);
  };
  EXPECT_EQ(letters("a1 b2 c3 b4 a5 c6 |", three), "123 143 543 546 |");
  EXPECT_EQ(letters("a1 b2 a3 |", three), "|");
  const auto ends = [](auto a, auto b, auto c, auto) {
    return combine_latest(std::move(a) | take(1), std::move(b) | take(1), std::move(c) | take(2), digits);
  };
  EXPECT_EQ(letters("a1 b2 c3 ? c4 ? |", ends), "123 on 124 | over");
  const auto none = [](auto a, auto b, auto c, auto) {
    return combine_latest(std::move(a), std::move(b) | take(1) | filter([](double) { return false; }), std::move(c),
                          digits);
  };
  EXPECT_EQ(letters("a1 c3 b2 ? |", none), "| over") << "one that never emitted has ended";
}

TEST(ManyInputs, WithLatestFromEmitsWithTheFirstAlone) {
  const auto three = [](auto a, auto b, auto c, auto) {
    return std::move(a) | with_latest_from(std::move(b), std::move(c), digits);
  };
  EXPECT_EQ(letters("a9 b2 a9 c3 a1 b4 c5 a6 |", three), "123 645 |");
  const auto ends = [](auto a, auto b, auto c, auto) {
    return std::move(a) | take(2) | with_latest_from(std::move(b) | take(1), std::move(c) | take(1), digits);
  };
  EXPECT_EQ(letters("b2 c3 ? a1 ? a4 ? |", ends), "on 123 on 423 | over");
}

TEST(ManyInputs, ConcatGoesOnWithTheNextThatHasNotEnded) {
  const auto three = [](auto a, auto b, auto c, auto) {
    return concat(std::move(a) | take(2), std::move(b) | take(1), std::move(c));
  };
  EXPECT_EQ(letters("a1 c7 a2 b3 c4 c5 |", three), "1 2 3 4 5 |");
  EXPECT_EQ(letters("a1 b9 c8 a2 c4 c5 |", three), "1 2 4 5 |") << "the second has ended before its turn";
}

TEST(ManyInputs, TheirStateIsSaved) {
  // Two streams make three inputs: the second enters twice.
  const auto twice = [](auto b) { return std::pair(b, b); };
  const auto of_three = [=](auto combine) {
    return [=](auto a, auto b) {
      auto [one, other] = twice(std::move(b));
      return combine(std::move(a), std::move(one), std::move(other) | every(2));
    };
  };
  const auto check = [](const char* name, auto chain) {
    expect_same_at_every_cut(name, chain);
    expect_words_for_damage(name, chain);
  };
  check("zip", of_three([](auto a, auto b, auto c) {
          return zip(std::move(a) | take(2), std::move(b), std::move(c), digits);
        }));
  check("combine_latest", of_three([](auto a, auto b, auto c) {
          return combine_latest(std::move(a) | take(2), std::move(b) | take(1), std::move(c) | take(3), digits);
        }));
  check("with_latest_from", of_three([](auto a, auto b, auto c) {
          return std::move(a) | with_latest_from(std::move(b), std::move(c), digits);
        }));
  check("concat", of_three([](auto a, auto b, auto c) {
          return concat(std::move(a) | take(3), std::move(b) | take(2), std::move(c));
        }));
}

TEST(ManyInputs, TheyAreDescribedByTheirNumber) {
  Bus bus({.thread = false});
  const Handle handle =
      zip(bus.on<Letter<0>>(), bus.on<Letter<1>>(), bus.on<Letter<2>>()) | subscribe([](const auto&) {});
  const std::vector<std::string> lines = handle->pipeline().describe();
  for (const char* label : {"first input", "second input", "third input", "3 together", "zip"})
    EXPECT_NE(std::find(lines.begin(), lines.end(), label), lines.end()) << label;
}

}  // namespace
