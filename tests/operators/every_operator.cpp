#include "operators/every_operator.hpp"

#include <stdexcept>

namespace sidestep::test {
namespace {
using namespace std::chrono_literals;

thread_local int calls_left = 0;
thread_local bool thrown = false;

struct WatchingSink {
  Watcher* watcher;
  void operator()(const auto& value) { watcher->value(static_cast<double>(value)); }
  void end() { watcher->end(); }
};

constexpr auto same = [](double x) { return may_throw(), x; };
constexpr auto odd = [](double x) { return may_throw(), static_cast<int>(x) % 2 == 1; };
constexpr auto below_three = [](double x) { return may_throw(), x < 3; };
constexpr auto total = [](double a, double x) { return may_throw(), a + x; };
constexpr auto both = [](double a, double b) { return may_throw(), 10 * a + b; };
constexpr auto words = [](double x) {
  return may_throw(), "so many words that no small string holds them: " + std::to_string(x);
};
constexpr auto number = [](const std::string& text) { return std::atof(text.c_str() + text.rfind(' ')); };
constexpr auto one_number = [](const auto& pair) {
  return 10 * static_cast<double>(pair.first) + static_cast<double>(pair.second);
};
constexpr auto text_kept = [](auto in) {
  return std::move(in) | map(words) |
         scan(std::string(), [](const std::string&, const std::string& x) { return may_throw(), x; }) | map(number);
};
constexpr auto in_pairs = [](auto in) { return std::move(in) | window(count(2)) | sum(same); };

auto first_of(Bus& bus) { return input_of<Number>(bus) | map(same); }
auto second_of(Bus& bus) { return input_of<OtherNumber>(bus) | map(same); }

class List {
 public:
  template <class Build>
  NamedChain& one(std::string name, Build build) {
    return add(std::move(name), [build](Bus& bus, Watcher& watcher) {
      return build(first_of(bus)) | subscribe(WatchingSink{&watcher});
    });
  }
  template <class Build>
  NamedChain& two(std::string name, Build build) {
    return add(std::move(name), [build](Bus& bus, Watcher& watcher) {
      return build(first_of(bus), second_of(bus)) | subscribe(WatchingSink{&watcher});
    });
  }
  /// With an observe_on behind it, and before.
  template <class Build>
  void one_observed(const std::string& name, Build build) {
    one(name + ", observed", [build](auto in) { return build(std::move(in)) | observe_on(io, {.capacity = 4}); });
    one("observed " + name, [build](auto in) { return build(std::move(in) | observe_on(compute, {.capacity = 4})); });
  }
  template <class Build>
  void two_observed(const std::string& name, Build build) {
    two(name + ", observed",
        [build](auto a, auto b) { return build(std::move(a), std::move(b)) | observe_on(io, {.capacity = 4}); });
  }
  std::vector<NamedChain> take() { return std::move(all_); }

 private:
  NamedChain& add(std::string name, std::function<Handle(Bus&, Watcher&)> attach) {
    return all_.emplace_back(NamedChain{std::move(name), std::move(attach)});
  }
  std::vector<NamedChain> all_;
};

void pick(List& list) {
  list.one("filter", [](auto in) { return std::move(in) | filter(odd); });
  list.one("every", [](auto in) { return std::move(in) | every(3); });
  list.one("first", [](auto in) { return std::move(in) | first(odd); });
  list.one("last", [](auto in) { return std::move(in) | map(words) | last() | map(number); });
  list.one("element_at", [](auto in) { return std::move(in) | element_at(3); });
  list.one("take", [](auto in) { return std::move(in) | take(5); });
  list.one("take_last", [](auto in) { return std::move(in) | map(words) | take_last(3) | map(number); });
  list.one("take_while", [](auto in) { return std::move(in) | take_while(below_three, {.inclusive = true}); });
  list.one("take_until",
           [](auto in) { return std::move(in) | take_until([](double x) { return may_throw(), x > 3; }); });
  list.one("skip", [](auto in) { return std::move(in) | skip(3); });
  list.one("skip_while", [](auto in) { return std::move(in) | skip_while(below_three); });
  list.one("skip_last", [](auto in) { return std::move(in) | map(words) | skip_last(2) | map(number); });
  list.one("distinct", [](auto in) { return std::move(in) | map(words) | distinct(2) | map(number); });
  list.one("distinct_until_changed",
           [](auto in) { return std::move(in) | map(words) | distinct_until_changed() | map(number); });
  list.one("ignore_elements", [](auto in) { return std::move(in) | ignore_elements(); });
}

void change(List& list) {
  list.one("map", [](auto in) { return std::move(in) | map(words) | map(number); });
  list.one("scan", text_kept);
  list.one("reduce", [](auto in) { return std::move(in) | reduce(0.0, total); });
  list.one("pairwise", [](auto in) {
    return std::move(in) | map(words) | pairwise() |
           map([](const auto& pair) { return 10 * number(pair.first) + number(pair.second); });
  });
  list.one("tap", [](auto in) { return std::move(in) | tap([](double) { may_throw(); }); });
  list.one("start_with", [](auto in) { return std::move(in) | start_with(7.0, 8.0); });
  list.one("default_if_empty", [](auto in) {
    return std::move(in) | filter([](double x) { return may_throw(), x > 8; }) | default_if_empty(6.0);
  });
  list.one("timestamp", [](auto in) {
    return std::move(in) | timestamp() | map([](const auto& t) { return static_cast<double>(t.stamp) * 10 + t.value; });
  });
  list.one("time_interval", [](auto in) {
    return std::move(in) | time_interval() |
           map([](const auto& t) { return static_cast<double>(t.interval) * 10 + t.value; });
  });
  list.one("materialize", [](auto in) {
    return std::move(in) | take(6) | materialize() |
           map([](const auto& what) { return what.completed() ? -1.0 : *what.value; });
  });
  list.one("dematerialize", [](auto in) { return std::move(in) | take(6) | materialize() | dematerialize(); });
}

void windows(List& list) {
  list.one("window(count), mean", [](auto in) { return std::move(in) | window(count(3)) | mean(same); });
  list.one("window(sliding), min_of", [](auto in) { return std::move(in) | window(sliding(4, 2)) | min_of(same); });
  list.one("window(time), variance",
           [](auto in) { return std::move(in) | window(sidestep::time(4ns)) | variance(same); });
  list.one("window(session), max_of", [](auto in) { return std::move(in) | window(session(3ns)) | max_of(same); });
  list.one("window(sliding_time), sum",
           [](auto in) { return std::move(in) | window(sliding_time(6ns, 2ns)) | sum(same); });
  list.one("window(by), count", [](auto in) { return std::move(in) | window(by(odd)) | count(); });
  list.one("window(until), median", [](auto in) { return std::move(in) | window(until(odd)) | median(); });
  list.one("window(growing), standard_deviation",
           [](auto in) { return std::move(in) | window(growing()) | standard_deviation(same); });
  list.one("slope, plateau", [](auto in) {
    return std::move(in) | window(sliding(3)) | slope(same) | window(count(2)) | plateau(0.5) |
           map([](bool flat) { return flat ? 1.0 : 0.0; });
  });
  list.one("quantile", [](auto in) { return std::move(in) | window(sliding(5)) | quantile(0.3); });
  list.one("histogram", [](auto in) {
    return std::move(in) | window(count(4)) | histogram<2>(0, 4) |
           map([](const auto& h) { return static_cast<double>(10 * h.counts[0] + h.counts[1]); });
  });
  list.one("rate", [](auto in) { return std::move(in) | window(sliding(3)) | rate(); });
  list.one("stats", [](auto in) {
    return std::move(in) | window(sliding(3)) | stats(sum(same), p90()) |
           map([](const auto& a) { return a[0] + 100 * a[1]; });
  });
  list.one("ewma", [](auto in) { return std::move(in) | ewma(0.5) | ewma(half_life(3ns)); });
  list.one("page_hinkley", [](auto in) { return std::move(in) | page_hinkley(0.1, 2, {.least = 2}); });
  list.one("buffer(count)", [](auto in) {
    return std::move(in) | map(words) | buffer(count(3)) |
           map([](const auto& all) { return 10 * static_cast<double>(all.size()) + number(all.front()); });
  });
  list.one("buffer(sliding_time)", [](auto in) {
    return std::move(in) | map(words) | buffer(sliding_time(5ns, 2ns, {.at_most = 4})) |
           map([](const auto& all) { return 10 * static_cast<double>(all.size()) + number(all.front()); });
  });
}

void in_time(List& list) {
  list.one("throttle", [](auto in) { return std::move(in) | throttle(4ns); });
  list.one("throttle_both", [](auto in) { return std::move(in) | map(words) | throttle_both(4ns) | map(number); });
  list.one("sample",
           [](auto in) { return std::move(in) | map(words) | sample(4ns, {.emit_last = true}) | map(number); });
  list.one("debounce",
           [](auto in) { return std::move(in) | map(words) | debounce(2ns, {.longest = 5ns}) | map(number); });
  list.one("audit", [](auto in) { return std::move(in) | map(words) | audit(3ns) | map(number); });
  list.one("delay", [](auto in) { return std::move(in) | map(words) | delay(4ns, {.capacity = 3}) | map(number); });
  list.one("timeout", [](auto in) { return std::move(in) | timeout(24h * 365 * 200); });
  list.one("rate_limit", [](auto in) { return std::move(in) | rate_limit(2, 5ns); });
  list.one("interval", [](auto in) {
    return interval(*bus_of(in), 3ns) | map([](std::int64_t n) { return may_throw(), static_cast<double>(n); });
  });
}

void combine(List& list) {
  list.two("merge", [](auto a, auto b) { return merge(std::move(a) | every(2), std::move(b)); });
  list.two("merge_by_time", [](auto a, auto b) {
    return merge_by_time(3ns, std::move(a) | map(words), std::move(b) | map(words)) | map(number);
  });
  list.two("zip", [](auto a, auto b) { return zip(std::move(a), std::move(b), both); });
  list.two("combine_latest", [](auto a, auto b) {
    return combine_latest(std::move(a) | map(words), std::move(b) | map(words),
                          [](const auto& x, const auto& y) { return both(number(x), number(y)); });
  });
  list.two("with_latest_from", [](auto a, auto b) { return std::move(a) | with_latest_from(std::move(b), both); });
  list.two("concat", [](auto a, auto b) { return concat(std::move(a) | take(3), std::move(b)); });
  list.two("join", [](auto a, auto b) {
    return join(std::move(a) | map(words), std::identity(), std::move(b) | map(words), std::identity(),
                [](const auto& x, const auto& y) { return both(number(x), number(y)); });
  });
  list.two("take_until(chain)", [](auto a, auto b) {
    return std::move(a) | take_until(std::move(b) | filter([](double x) { return may_throw(), x > 3; }));
  });
  list.two("skip_until", [](auto a, auto b) { return std::move(a) | skip_until(std::move(b)); });
  list.two("of_type", [](auto a, auto) {
    return bus_of(a)->template on<Number, OtherNumber>() | of_type<OtherNumber>() |
           map([](const OtherNumber& e) { return may_throw(), e.value; });
  });
}

void split(List& list) {
  list.one("group_by", [](auto in) { return std::move(in) | group_by(odd, at_most(2), text_kept) | map(one_number); });
  list.one("group_by, replacing", [](auto in) {
    return std::move(in) |
           group_by(same, at_most(2).replacing(),
                    [](auto each) { return text_kept(std::move(each)) | window(count(3)) | sum(same); }) |
           map(one_number);
  });
  list.one("group_by of times", [](auto in) {
    return std::move(in) | group_by(odd, at_most(2), [](auto each) { return std::move(each) | debounce(2ns); }) |
           map(one_number);
  });
  list.one("share", [](auto in) {
    return std::move(in) |
           share(in_pairs, text_kept, [](auto each) { return std::move(each) | take(2) | take_last(2); });
  });
  list.one("share of times", [](auto in) {
    return std::move(in) | share([](auto each) { return std::move(each) | sample(3ns); },
                                 [](auto each) { return std::move(each) | delay(2ns); });
  });
  list.one("partition", [](auto in) { return std::move(in) | partition(odd, in_pairs, text_kept); });
  list.one("replay", [](auto in) { return std::move(in) | map(words) | tap(replay<std::string>(2)) | map(number); });
  list.one("probe", [](auto in) { return std::move(in) | probe(Probe("here")); });
}

void errors_and_endings(List& list) {
  list.one("catch_error",
           [](auto in) {
             return std::move(in) | map(words) |
                    catch_error([](std::string_view what) { return std::string(what) + " 9"; }) | map(number);
           })
      .catches = true;
  list.one("on_error_continue",
           [](auto in) {
             return text_kept(std::move(in)) | on_error_continue([](std::string_view) {}) | scan(0.0, total);
           })
      .catches = true;
  list.two("on_error_resume",
           [](auto a, auto b) {
             return std::move(a) | map(words) | on_error_resume(std::move(b) | map(words)) | map(number);
           })
      .catches = true;
  list.one("share, caught within",
           [](auto in) {
             return std::move(in) | share(
                                        [](auto each) {
                                          return std::move(each) | map(words) |
                                                 on_error_continue([](std::string_view) {}) | map(number);
                                        },
                                        in_pairs);
           })
      .catches = true;
  list.one("finally", [](auto in) { return std::move(in) | finally([] { may_throw(); }); }).catches = true;
  list.one("completes", [](auto in) { return std::move(in) | take(6) | completes() | map([](bool) { return 1.0; }); });
}

}  // namespace

void throw_at_call(int n) { calls_left = n, thrown = false; }
bool has_thrown() { return thrown; }
void may_throw() {
  if (calls_left == 0 || --calls_left > 0) return;
  thrown = true;
  throw std::runtime_error("a functor throws, in words that are too long for a small string");
}

const std::vector<NamedChain>& every_operator() {
  static const std::vector<NamedChain> all = [] {
    List list;
    pick(list), change(list), windows(list), in_time(list), combine(list), split(list), errors_and_endings(list);
    return list.take();
  }();
  return all;
}

const std::vector<NamedChain>& observed_operators() {
  static const std::vector<NamedChain> all = [] {
    List list;
    list.one_observed("take", [](auto in) { return std::move(in) | take(5); });
    list.one_observed("take_last", [](auto in) { return std::move(in) | take_last(3); });
    list.one_observed("window(sliding)", [](auto in) { return std::move(in) | window(sliding(3)) | mean(); });
    list.one_observed("delay, debounce", [](auto in) { return std::move(in) | delay(2us) | debounce(1us); });
    list.one_observed("timeout", [](auto in) { return std::move(in) | timeout(24h); });
    list.one_observed("group_by",
                      [](auto in) { return std::move(in) | group_by(odd, at_most(2), text_kept) | map(one_number); });
    list.one_observed("share", [](auto in) { return std::move(in) | share(in_pairs, text_kept); });
    list.one_observed("partition", [](auto in) { return std::move(in) | partition(odd, in_pairs, text_kept); });
    list.one_observed("catch_error",
                      [](auto in) { return std::move(in) | catch_error([](std::string_view) { return 9.0; }); });
    list.two_observed("zip", [](auto a, auto b) { return zip(std::move(a), std::move(b), both); });
    list.two_observed("join", [](auto a, auto b) {
      return join(std::move(a), std::identity(), std::move(b), std::identity(), both);
    });
    list.two_observed("combine_latest",
                      [](auto a, auto b) { return combine_latest(std::move(a), std::move(b), both); });
    list.two_observed("concat", [](auto a, auto b) { return concat(std::move(a) | take(3), std::move(b)); });
    list.two_observed("merge_by_time", [](auto a, auto b) { return merge_by_time(3ns, std::move(a), std::move(b)); });
    list.two_observed("on_error_resume", [](auto a, auto b) { return std::move(a) | on_error_resume(std::move(b)); });
    return list.take();
  }();
  return all;
}

}  // namespace sidestep::test
