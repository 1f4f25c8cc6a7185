#include "operators/stream.hpp"
#include "operators/usual_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

/// Publishes 1, 2, 3 ... as Number and OtherNumber in turn (N and O in `kinds`), then closes.
template <class Build>
std::string merged(std::string_view kinds, Build build) {
  Bus bus({.thread = false});
  std::string output;
  struct Sink {
    std::string& output;
    void operator()(double x) { output += text_of(x) + " "; }
    void end() { output += "|"; }
  };
  build(bus.on<Number>() | map(&Number::value), bus.on<OtherNumber>() | map(&OtherNumber::value)) |
      subscribe(Sink{output});
  double value = 0;
  for (const char kind : kinds) kind == 'N' ? bus.publish(Number{++value}) : bus.publish(OtherNumber{++value});
  bus.close();
  return output;
}

TEST(Merge, GoesBySequenceWithinOneProducer) {
  EXPECT_EQ(merged("NONNO", [](auto a, auto b) { return merge(std::move(a), std::move(b)); }), "1 2 3 4 5 |");
}

TEST(Merge, StagesOfEachChainSeeTheirOwnEvents) {
  EXPECT_EQ(merged("NONNO",
                   [](auto a, auto b) {
                     return merge(std::move(a) | every(2), std::move(b) | map([](double x) { return -x; })) |
                            map([](double x) { return 10 * x; });
                   }),
            "-20 30 -50 |");
}

TEST(Merge, AnEventThatEntersTwiceGoesThroughTheChainsInTheirOrder) {
  EXPECT_EQ(merged("NN",
                   [](auto a, auto b) {
                     Bus* const bus = bus_of(a);
                     return merge(std::move(a), std::move(b),
                                  bus->on<Number>() | map([](const Number& n) { return n.value / 2; }));
                   }),
            "1 0.5 2 1 |");
}

TEST(Merge, ATakeInOneChainEndsThatChainAlone) {
  EXPECT_EQ(merged("NNONO", [](auto a, auto b) { return merge(std::move(a) | take(1), std::move(b)); }), "1 3 5 |");
  EXPECT_EQ(merged("NONONO", [](auto a, auto b) { return merge(std::move(a) | take(1), std::move(b) | take(2)); }),
            "1 2 4 |");
}

TEST(Merge, AWindowInTheChainThatEndsIsFlushedThereAndThen) {
  EXPECT_EQ(merged("NNNNO",
                   [](auto a, auto b) {
                     return merge(std::move(a) | take(3) | window(count(2)) | sum(), std::move(b)) |
                            map([](double x) { return x; });
                   }),
            "3 3 5 |");
  EXPECT_EQ(merged("NNO",
                   [](auto a, auto b) {
                     return merge(std::move(a) | window(count(3)) | sum(), std::move(b)) | window(count(2)) | sum();
                   }),
            "6 |");
}

TEST(Merge, ATakeBehindItEndsAll) {
  EXPECT_EQ(merged("NONO", [](auto a, auto b) { return merge(std::move(a), std::move(b)) | take(3); }), "1 2 3 |");
}

TEST(Merge, IsAssociative) {
  const auto third = [](Bus* bus) { return bus->on<Number>() | map([](const Number& n) { return 100 * n.value; }); };
  const auto left = merged("NONN", [&](auto a, auto b) {
    Bus* const bus = bus_of(a);
    return merge(merge(std::move(a), std::move(b)), third(bus));
  });
  const auto right = merged("NONN", [&](auto a, auto b) {
    Bus* const bus = bus_of(a);
    return merge(std::move(a), merge(std::move(b), third(bus)));
  });
  EXPECT_EQ(left, right);
  EXPECT_EQ(left, "1 100 2 3 300 4 400 |");
}

TEST(Merge, MayBeFollowedByObserveOn) {
  EXPECT_EQ(merged("NONNO", [](auto a, auto b) { return merge(std::move(a), std::move(b)) | observe_on(io); }),
            "1 2 3 4 5 |");
}

TEST(Merge, OfDifferentBusesIsRefused) {
  Bus one({.thread = false}), other({.thread = false});
  EXPECT_THROW((void)merge(one.on<Number>(), other.on<Number>()), OperatorError);
}

TEST(Merge, StatesOfAllItsChainsAreSaved) {
  const auto build = [](auto in) {
    Bus* const bus = bus_of(in);
    return merge(std::move(in) | take(2), bus->on<Number>() | map(&Number::value) | every(3));
  };
  const Moments stream{{1, 1.0}, {2, 2.0}, {3, 3.0}, {4, 4.0}, {5, 5.0}, {6, 6.0}};
  for (int cut = 0; cut <= 6; ++cut) {
    Driven first(build), second(build);
    first.run(stream.data(), stream.data() + cut, 2);
    States states = first.save();
    second.load(states);
    second.run(stream.data() + cut, stream.data() + 6, 2);
    first.output.insert(first.output.end(), second.output.begin(), second.output.end());
    EXPECT_EQ(first.output, (std::vector<double>{1, 2, 3, 6})) << cut;
  }
}

TEST(Merge, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  expect_usual_cases([](auto in) {
    Bus* const bus = bus_of(in);
    return merge(std::move(in) | every(2), bus->on<Number>() | map([](const Number& n) { return n.value + 10; }));
  });
}

}  // namespace
