#include "operators/reference.hpp"

#include <gtest/gtest.h>

#include <map>

/// Every operator against a slow and obvious reference, over random streams.
namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

double mean_of(const Values& v) {
  double sum = 0;
  for (const double x : v) sum += x;
  return sum / static_cast<double>(v.size());
}
double variance_of(const Values& v) {
  double sum = 0;
  for (const double x : v) sum += (x - mean_of(v)) * (x - mean_of(v));
  return sum / static_cast<double>(v.size());
}
double least_of(const Values& v) {
  for (const double x : v)
    if (std::isnan(x)) return x;
  return *std::min_element(v.begin(), v.end());
}
double greatest_of(const Values& v) {
  for (const double x : v)
    if (std::isnan(x)) return x;
  return *std::max_element(v.begin(), v.end());
}

Reference windowed(std::size_t n, std::size_t step, bool partial, double (*reduce)(const Values&)) {
  return [=](const Moments& stream) {
    const Values all = values_of(stream);
    Values out;
    for (std::size_t from = 0; from < all.size(); from += step) {
      if (from + n > all.size() && !partial) break;
      out.push_back(reduce(Values(all.begin() + static_cast<std::ptrdiff_t>(from),
                                  all.begin() + static_cast<std::ptrdiff_t>(std::min(from + n, all.size())))));
    }
    return out;
  };
}

/// The values of each interval. A value whose stamp lies before the open interval belongs to it. Closed: something has
/// come at or after its end.
struct Interval {
  Values values;
  bool closed = false;
};
std::vector<Interval> intervals(const Moments& stream, Nanoseconds length) {
  std::map<Nanoseconds, Interval> by_index;
  for (const Moment& moment : stream) {
    Nanoseconds index =
        static_cast<Nanoseconds>(std::floor(static_cast<double>(moment.at) / static_cast<double>(length)));
    for (auto& [other, interval] : by_index) interval.closed |= other < index;
    if (!moment.value) continue;
    if (!by_index.empty()) index = std::max(index, by_index.rbegin()->first);
    // a tick has closed it already, and a late value opens it once more
    by_index[index].values.push_back(*moment.value);
  }
  std::vector<Interval> all;
  for (auto& [index, interval] : by_index) all.push_back(std::move(interval));
  return all;
}
/// Ticks may close an interval in which a late value then comes; such streams have more than one output for it.
bool late_after_tick(const Moments& stream, Nanoseconds length) {
  Nanoseconds ticked = std::numeric_limits<Nanoseconds>::min();
  for (const Moment& moment : stream) {
    if (!moment.value)
      ticked = std::max(ticked, moment.at);
    else if (sidestep::detail::interval_end(moment.at, length) <= ticked)
      return true;
  }
  return false;
}

TEST(Reference, Pick) {
  compare([](auto in) { return std::move(in) | filter([](double x) { return x > 1; }); },
          [](const Moments& s) {
            Values out;
            for (const double x : values_of(s))
              if (x > 1) out.push_back(x);
            return out;
          });
  compare([](auto in) { return std::move(in) | every(3); },
          [](const Moments& s) {
            Values out;
            const Values all = values_of(s);
            for (std::size_t i = 2; i < all.size(); i += 3) out.push_back(all[i]);
            return out;
          });
  compare([](auto in) { return std::move(in) | take(3); },
          [](const Moments& s) {
            Values all = values_of(s);
            if (all.size() > 3) all.resize(3);
            return all;
          });
  compare([](auto in) { return std::move(in) | distinct_until_changed(); },
          [](const Moments& s) {
            Values out;
            const Values all = values_of(s);
            for (std::size_t i = 0; i < all.size(); ++i)
              if (i == 0 || all[i] != all[i - 1]) out.push_back(all[i]);
            return out;
          });
  compare([](auto in) { return std::move(in) | distinct(2); },
          [](const Moments& s) {
            Values out;
            for (const double x : values_of(s)) {
              const auto recent = out.size() < 2 ? out.begin() : out.end() - 2;
              if (std::find(recent, out.end(), x) == out.end()) out.push_back(x);
            }
            return out;
          });
}

TEST(Reference, Scan) {
  compare([](auto in) { return std::move(in) | scan(1.0, [](double a, double x) { return a / 2 + x; }); },
          [](const Moments& s) {
            Values out;
            double a = 1;
            for (const double x : values_of(s)) out.push_back(a = a / 2 + x);
            return out;
          });
}

TEST(Reference, CountWindows) {
  compare([](auto in) { return std::move(in) | window(count(3)) | mean(); }, windowed(3, 3, true, mean_of));
  compare([](auto in) { return std::move(in) | window(count(4)) | variance(); }, windowed(4, 4, true, variance_of));
  compare([](auto in) { return std::move(in) | window(count(4)) | min_of(); }, windowed(4, 4, true, least_of));
  compare([](auto in) { return std::move(in) | window(count(1)) | max_of(); }, windowed(1, 1, true, greatest_of));
}

TEST(Reference, SlidingWindows) {
  compare([](auto in) { return std::move(in) | window(sliding(3)) | mean(); }, windowed(3, 1, false, mean_of));
  compare([](auto in) { return std::move(in) | window(sliding(4, 2)) | variance(); },
          windowed(4, 2, false, variance_of));
  compare([](auto in) { return std::move(in) | window(sliding(4)) | min_of(); }, windowed(4, 1, false, least_of));
  compare([](auto in) { return std::move(in) | window(sliding(5, 3)) | max_of(); }, windowed(5, 3, false, greatest_of));
  compare([](auto in) { return std::move(in) | window(sliding(2, 5)) | mean(); }, windowed(2, 5, false, mean_of));
}

TEST(Reference, Throttle) {
  compare([](auto in) { return std::move(in) | throttle(4ns); },
          [](const Moments& s) {
            Values out;
            std::optional<Nanoseconds> opened;
            for (const Moment& m : s) {
              if (!m.value || (opened && m.at - *opened < 4)) continue;
              opened = m.at;
              out.push_back(*m.value);
            }
            return out;
          });
}

TEST(Reference, SampleAndTimeWindows) {
  std::mt19937_64 random(9);
  int compared = 0;
  for (int round = 0; round < random_streams; ++round) {
    const Moments stream = random_stream(random);
    if (late_after_tick(stream, 4)) continue;
    ++compared;
    Driven sampled([](auto in) { return std::move(in) | sample(4ns); });
    Driven averaged([](auto in) { return std::move(in) | window(sidestep::time(4ns)) | mean(); });
    Values lasts, means;
    for (const Interval& interval : intervals(stream, 4)) {
      if (interval.closed) lasts.push_back(interval.values.back());
      means.push_back(mean_of(interval.values));
    }
    for (Driven* driven : {&sampled, &averaged}) {
      driven->run(stream.data(), stream.data() + stream.size(), 3);
      driven->end(0);
    }
    ASSERT_TRUE(near(sampled.output, lasts)) << "round " << round;
    ASSERT_TRUE(near(averaged.output, means)) << "round " << round;
  }
  EXPECT_GT(compared, random_streams / 3);
}

TEST(Reference, Debounce) {
  compare([](auto in) { return std::move(in) | debounce(2ns); },
          [](const Moments& s) {
            Values out;
            for (std::size_t i = 0; i < s.size(); ++i) {
              if (!s[i].value) continue;
              bool held_back = false;
              for (std::size_t j = i + 1; j < s.size() && s[j].at < s[i].at + 2; ++j)
                held_back |= s[j].value.has_value();
              if (!held_back) out.push_back(*s[i].value);
            }
            return out;
          },
          true);
}

TEST(Reference, Merge) {
  compare(
      [](auto in) {
        Bus* const bus = in.bus;
        return merge(std::move(in) | every(2), bus->on<Number>() | map([](const Number& n) { return n.value + 10; }));
      },
      [](const Moments& s) {
        Values out;
        int i = 0;
        for (const double x : values_of(s)) {
          if (++i % 2 == 0) out.push_back(x);
          out.push_back(x + 10);
        }
        return out;
      });
}

}  // namespace
