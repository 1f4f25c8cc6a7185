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
  return [=](const Moments& stream, bool over) {
    const Values all = values_of(stream);
    Values out;
    for (std::size_t from = 0; from < all.size(); from += step) {
      if (from + n > all.size() && !(partial && over)) break;
      out.push_back(reduce(Values(all.begin() + static_cast<std::ptrdiff_t>(from),
                                  all.begin() + static_cast<std::ptrdiff_t>(std::min(from + n, all.size())))));
    }
    return out;
  };
}

/// The values of each interval. One with a stamp before the open interval belongs to it, and so does one that comes
/// when a tick has closed it: that opens it once more.
struct Interval {
  Nanoseconds end;
  Values values;
  bool closed = false;  // something came at or after its end
};
std::vector<Interval> intervals(const Moments& stream, Nanoseconds length) {
  std::vector<Interval> all;
  for (const Moment& moment : stream) {
    if (!all.empty() && moment.at >= all.back().end) all.back().closed = true;
    if (!moment.value) continue;
    Nanoseconds end = 0;
    while (end > moment.at) end -= length;
    while (end <= moment.at) end += length;
    if (!all.empty()) end = std::max(end, all.back().end);
    if (all.empty() || all.back().closed) all.push_back({end, {}});
    all.back().values.push_back(*moment.value);
  }
  return all;
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
            if (all.size() < 3) return Said(all);
            all.resize(3);
            return Said(all, Said::End::by_itself);
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

TEST(Reference, Sample) {
  for (const bool at_end : {false, true})
    compare([=](auto in) { return std::move(in) | sample(4ns, {.emit_last = at_end}); },
            [=](const Moments& s, bool over) {
              Values out;
              for (const Interval& interval : intervals(s, 4))
                if (interval.closed || (over && at_end)) out.push_back(interval.values.back());
              return out;
            });
}

TEST(Reference, TimeWindows) {
  compare([](auto in) { return std::move(in) | window(sidestep::time(4ns)) | mean(); },
          [](const Moments& s, bool over) {
            Values out;
            for (const Interval& interval : intervals(s, 4))
              if (interval.closed || over) out.push_back(mean_of(interval.values));
            return out;
          });
}

/// A value is out at the first moment that is 2 ns behind all that waited with it, or at the end.
TEST(Reference, Debounce) {
  compare([](auto in) { return std::move(in) | debounce(2ns); },
          [](const Moments& s, bool over) {
            Values out;
            for (std::size_t i = 0; i < s.size(); ++i) {
              if (!s[i].value) continue;
              Nanoseconds latest = s[i].at;
              std::size_t newest = i;
              for (; i + 1 < s.size() && s[i + 1].at < latest + 2; ++i)
                if (s[i + 1].value) latest = std::max(latest, s[newest = i + 1].at);
              if (i + 1 < s.size() || over) out.push_back(*s[newest].value);
            }
            return out;
          });
}

TEST(Reference, Merge) {
  compare(
      [](auto in) {
        Bus* const bus = bus_of(in);
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
