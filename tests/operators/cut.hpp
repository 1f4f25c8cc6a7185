#pragma once

#include "operators/stream.hpp"

#include <gtest/gtest.h>

/// Checkpoints of a chain of one input or of two, cut at any position of random streams.
namespace sidestep::test {

/// Saved at any position, loaded into a fresh pipeline and continued, gives what the uncut one gives, bit for bit; so
/// does the state at the end. And how the stream is cut into spans changes nothing.
template <class Build>
void expect_same_at_every_cut(const char* name, Build build) {
  using T = ElementOf<Build>;
  std::mt19937_64 random(7);
  for (int round = 0; round < 60; ++round) {
    const std::vector<T> stream = random_stream<T>(random);
    const T* const begin = stream.data();
    const T* const end = begin + stream.size();
    const Nanoseconds last = stream.empty() ? 0 : stream.back().at;
    DrivenBy<T> whole(build);
    whole.run(begin, end, 64);
    const States at_end = whole.save();
    whole.end(last);
    for (const T* cut = begin; cut <= end; ++cut) {
      DrivenBy<T> first(build), second(build);
      first.run(begin, cut, 1 + static_cast<std::size_t>(cut - begin) % 3);
      States states = first.save();
      second.load(states);
      second.run(cut, end, 2);
      ASSERT_EQ(second.save().parts, at_end.parts) << name;
      second.end(last);
      std::vector<double> output = first.output;
      output.insert(output.end(), second.output.begin(), second.output.end());
      ASSERT_TRUE(same(output, whole.output)) << name << ", round " << round << ", cut at " << cut - begin;
      ASSERT_EQ(second.ended() || first.ended(), whole.ended()) << name;
      ASSERT_FALSE(second.handle()->failed()) << name << second.handle()->error();
      if (begin == end) break;
    }
    // One that has seen another stream before forgets it.
    const std::vector<T> other = random_stream<T>(random);
    const T* const cut = begin + (stream.empty() ? 0 : random() % stream.size());
    DrivenBy<T> first(build), used(build);
    first.run(begin, cut, 2);
    States states = first.save();
    used.run(other.data(), other.data() + other.size(), 3);
    used.load(states);
    ASSERT_EQ(used.save().parts, states.parts) << name;
    used.output.clear(), used.ends.clear();
    used.run(cut, end, 2);
    used.end(last);
    std::vector<double> output = first.output;
    output.insert(output.end(), used.output.begin(), used.output.end());
    ASSERT_TRUE(same(output, whole.output))
        << name << ", round " << round << ", loaded into one that was used, at " << cut - begin;
  }
}

template <class T>
std::vector<T> nine_events() {
  std::vector<T> stream;
  for (int i = 0; i < 9; ++i) {
    if constexpr (std::is_same_v<T, Moment>)
      stream.push_back({i, static_cast<double>(i % 5)});
    else
      stream.push_back({i, i % 3, static_cast<double>(i % 5)});
  }
  return stream;
}

/// No state that was damaged on its way makes a pipeline read what isn't there: it fails in words, or goes on with
/// other values. One that is too short, or longer than what reads it, is refused.
template <class Build>
void expect_words_for_damage(const char* name, Build build) {
  using T = ElementOf<Build>;
  std::mt19937_64 random(11);
  const std::vector<T> stream = nine_events<T>();
  DrivenBy<T> first(build);
  first.run(stream.data(), stream.data() + stream.size(), 4);
  const States good = first.save();
  for (std::size_t part = 0; part < good.parts.size(); ++part) {
    if (good.parts[part].empty()) continue;
    States longer = good;
    longer.parts[part].push_back({});
    DrivenBy<T> second(build);
    second.load(longer);
    EXPECT_TRUE(second.handle()->failed()) << name << ": a state that is too long was taken, in part " << part;
    EXPECT_NE(second.handle()->error().find("another version"), std::string::npos)
        << name << ": " << second.handle()->error();
  }
  for (int round = 0; round < 200; ++round) {
    States bad = good;
    auto& bytes = bad.parts[static_cast<std::size_t>(round / 2) % bad.parts.size()];
    if (bytes.empty()) continue;
    if (round % 2 == 0)
      bytes.resize(random() % bytes.size());
    else
      bytes[random() % bytes.size()] ^= static_cast<std::byte>(1 << random() % 8);
    DrivenBy<T> second(build);
    second.load(bad);
    second.run(stream.data(), stream.data() + stream.size(), 4);
    if (second.handle()->failed())
      EXPECT_FALSE(second.handle()->error().empty()) << name;
    else
      EXPECT_EQ(round % 2, 1) << name << ": a state that is too short was taken";
  }
}

}  // namespace sidestep::test
