// Bus and control under whatever their users may do at once: a loop that decides under lag(k) and saves checkpoints,
// while producers join and leave and subscriptions come and go on other threads. At the end every account is exact:
// nothing lost, nothing twice, nothing out of order, and each decision exactly k steps behind its cause.
// SIDESTEP_CHURN_SECONDS says for how long.
#include "small_run.hpp"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <random>
#include <thread>

namespace sidestep::test {
namespace {

using namespace std::chrono_literals;

/// What the producers that come and go publish: which of them, and its how manieth.
struct Ticket {
  static constexpr EventId id = first_user_event + 21;
  static constexpr std::string_view name = "Ticket";
  std::int64_t producer = 0;
  std::int64_t number = 0;
};

/// Holds whatever a subscription sees against what its producers must have sent. One thread.
class Audit {
 public:
  explicit Audit(std::size_t producers) : first_(producers), last_(producers) {}
  void see(const Ticket& ticket) {
    std::int64_t& last = last_[static_cast<std::size_t>(ticket.producer)];
    // It may begin at any ticket; from then on it sees each of them.
    if (last != 0 && ticket.number != last + 1) ++gaps_;
    last = ticket.number;
    ++seen_;
    if (first_[static_cast<std::size_t>(ticket.producer)] == 0)
      first_[static_cast<std::size_t>(ticket.producer)] = ticket.number;
  }
  std::uint64_t seen_of(std::size_t producer) const {
    return first_[producer] == 0 ? 0 : static_cast<std::uint64_t>(last_[producer] - first_[producer] + 1);
  }
  std::uint64_t seen() const { return seen_; }
  std::uint64_t gaps() const { return gaps_; }
  std::int64_t last(std::size_t producer) const { return last_[producer]; }

 private:
  std::vector<std::int64_t> first_, last_;
  std::uint64_t seen_ = 0, gaps_ = 0;
};

constexpr std::size_t publishers = 3, subscribers = 2, all_who_publish = publishers + subscribers;
constexpr Step pause = 61, cut_pause = 4001;

class Churn {
 public:
  explicit Churn(int k) : k_(k) {}

  void go(std::chrono::nanoseconds length) {
    Bus bus({.ring_capacity = 256});
    Control control;
    permanent(bus, control);
    begin_ = std::chrono::steady_clock::now();
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < publishers; ++i) threads.emplace_back([&, i] { publish(bus, i); });
      for (std::size_t i = 0; i < subscribers; ++i) threads.emplace_back([&, i] { subscribe_and_end(bus, i); });
      train(bus, control, length);
    }
    bus.close();
    check(bus);
  }

 private:
  bool over() const { return over_.load(std::memory_order_relaxed); }  // relaxed: a late view costs a round

  static bool asked(std::int64_t who, Step step) { return step % pause == 7 * who; }
  static auto asks(std::int64_t who) {
    return pure([who](const BatchEnd& e) {
      return asked(who, e.step) ? std::optional(Noted{who, e.step}) : std::nullopt;
    });
  }

  void permanent(Bus& bus, Control& control) {
    everything_ = bus.on<Ticket, FitBegin, BatchEnd, EpochEnd, FitEnd, Barrier, DecisionApplied, DecisionRefused,
                         CheckpointSaved, PipelineFailed>()
                      .named("everything") |
                  subscribe([](const auto&) {});
    inline_all_ = bus.on<Ticket>().named("inline all") | subscribe([this](const Ticket& t) { inline_audit_.see(t); });
    observed_all_ = bus.on<Ticket>().named("observed all") | observe_on(io, {.capacity = 64}) |
                    subscribe([this](const Ticket& t) { observed_audit_.see(t); });
    bus.on<BatchEnd>().named("inline") | decide(control, asks(1));
    bus.on<BatchEnd>().named("io") | observe_on(io) | decide(control, asks(2));
    bus.on<BatchEnd>().named("compute") | observe_on(compute) | decide(control, asks(3));
    bus.on<BatchEnd>().named("third") | decide(control, EveryThird{4, 0});
    bus.on<BatchEnd>().named("saves") |
        decide(control, pure([](const BatchEnd& e) {
                 return e.step % cut_pause == 0 ? std::optional(SaveCheckpoint{.file = "cut"}) : std::nullopt;
               }));
  }
  void train(Bus& bus, Control& control, std::chrono::nanoseconds length) {
    auto loop = control.attach(bus, {.sync = lag(k_),
                                     .snapshot =
                                         [](const Cut&) {
                                           return [](const auto& path, const CheckpointState& state) {
                                             std::ofstream(path) << state.to_text();
                                           };
                                         },
                                     .folder = folder_.path()});
    loop.on<Noted>([](const Noted&) {});
    loop.publish(FitBegin{});
    while (std::chrono::steady_clock::now() - begin_ < length || steps_ < 3 * pause) {  // however slow the machine is
      ++steps_;
      loop.publish(BatchEnd{.step = steps_, .loss = 1});
      loop.boundary();
    }
    over_.store(true, std::memory_order_relaxed);  // as in over()
    loop.publish(EpochEnd{.step = steps_, .epoch = 1, .partial = true});
    loop.finish();
    decisions_.assign(loop.decisions().begin(), loop.decisions().end());
    pending_ = loop.pending();
    EXPECT_TRUE(loop.refused().empty());
    EXPECT_TRUE(loop.broken().empty());
    EXPECT_EQ(loop.checkpoint_errors(), std::vector<std::string>{});
  }

  /// Comes and goes, each time with a ring of its own; now and then through the bus, as any thread may.
  void publish(Bus& bus, std::size_t who) {
    std::mt19937 draw(static_cast<unsigned>(who));
    std::int64_t& number = published_[who];
    const auto ticket = [&] { return Ticket{static_cast<std::int64_t>(who), ++number}; };
    do {
      const unsigned count = draw() % 600;  // sometimes more than a ring holds
      if (draw() % 4 == 0) {
        // Two rings of one thread aren't in order to each other: what lies in one is read before the other is written.
        for (unsigned i = 0; i < count; ++i) bus.publish(ticket());
      } else {
        Producer producer = bus.producer("passer-by");
        for (unsigned i = 0; i < count; ++i) producer.publish(ticket());
      }
      bus.flush();
      if (draw() % 8 == 0) std::this_thread::sleep_for(std::chrono::microseconds(draw() % 3000));
    } while (!over());
  }

  /// Subscribes, sees something, ends; inline or elsewhere. What it saw has no gap, and its account is exact at once.
  void subscribe_and_end(Bus& bus, std::size_t who) {
    std::mt19937 draw(100 + static_cast<unsigned>(who));
    for (std::uint64_t count = 0; count < 4 || !over(); ++count) {
      const auto audit = std::make_shared<Audit>(all_who_publish);
      const auto see = [audit](const Ticket& t) { audit->see(t); };
      const std::string name = fmt::format("passer-by {}.{}", who, count);
      const Handle handle = draw() % 2 == 0
                                ? bus.on<Ticket>().named(name) | subscribe(see)
                                : bus.on<Ticket>().named(name) | observe_on(io, {.capacity = 16}) | subscribe(see);
      // What this thread publishes from now on it sees, from the very first.
      const std::size_t self = publishers + who;
      for (int i = 0; i < 2; ++i) bus.publish(Ticket{static_cast<std::int64_t>(self), ++published_[self]});
      const std::uint64_t wanted = draw() % 300;
      while (handle->delivered() < wanted && !over()) std::this_thread::sleep_for(200us);
      bus.publish(Ticket{static_cast<std::int64_t>(self), ++published_[self]});
      handle->end();
      EXPECT_EQ(audit->seen_of(self), 3U) << name;
      bus.publish(Ticket{static_cast<std::int64_t>(self), ++published_[self]});  // nobody's but those who stay
      const std::uint64_t delivered = handle->delivered();
      EXPECT_EQ(audit->seen(), delivered) << name;
      EXPECT_EQ(audit->gaps(), 0U) << name;
      EXPECT_EQ(handle->published(), delivered + handle->dropped()) << name;
      EXPECT_EQ(handle->pending(), 0U) << name;
      EXPECT_FALSE(handle->failed()) << name << ": " << handle->error();
      came_and_went_.fetch_add(1, std::memory_order_relaxed);  // relaxed: read behind the join
    }
  }

  void check(Bus& bus) const {
    const auto tickets = std::accumulate(published_.begin(), published_.end(), std::uint64_t{0});
    for (const auto& [handle, audit] :
         {std::pair{inline_all_, &inline_audit_}, std::pair{observed_all_, &observed_audit_}}) {
      EXPECT_EQ(handle->delivered(), tickets) << handle->name();
      EXPECT_EQ(audit->seen(), tickets) << handle->name();
      EXPECT_EQ(audit->gaps(), 0U) << handle->name();
      for (std::size_t i = 0; i < all_who_publish; ++i) EXPECT_EQ(audit->last(i), published_[i]) << handle->name();
    }
    const BusAccount all = bus.account();
    EXPECT_EQ(everything_->delivered(), all.events);
    EXPECT_EQ(all.published, all.delivered);
    EXPECT_EQ(all.dropped, 0U);
    EXPECT_EQ(all.pending, 0U);
    BusAccount sum;
    for (const auto& past : bus.past()) sum.published += past->published, sum.delivered += past->delivered;
    for (const Handle& each : bus.subscriptions()) {
      sum.published += each->published(), sum.delivered += each->delivered();
      EXPECT_FALSE(each->failed()) << each->name() << ": " << each->error();
    }
    EXPECT_EQ(sum.published, all.published);
    EXPECT_EQ(sum.delivered, all.delivered);
    // Each decision that was caused is there, k steps behind its cause, but for those of the last k steps: they wait.
    std::map<std::string, std::vector<Step>> causes, expected;
    for (const AppliedRow& row : decisions_) {
      ASSERT_TRUE(row.cause_step);
      EXPECT_EQ(row.applied_step, *row.cause_step + k_) << row.by;
      causes[row.by].push_back(*row.cause_step);
    }
    for (const PendingRow& row : pending_) {
      EXPECT_GT(row.cause_step, steps_ - k_);
      causes[row.by].push_back(row.cause_step);
    }
    for (Step step = 1; step <= steps_; ++step) {
      if (asked(1, step)) expected["inline"].push_back(step);
      if (asked(2, step)) expected["io"].push_back(step);
      if (asked(3, step)) expected["compute"].push_back(step);
      if (step % 3 == 0) expected["third"].push_back(step);
      if (step % cut_pause == 0) expected["saves"].push_back(step);
    }
    EXPECT_EQ(causes, expected);
    // what ran is worth a look
    EXPECT_GT(tickets, 0U);
    EXPECT_FALSE(decisions_.empty());
    std::printf("%lld steps, %zu decisions, %llu tickets, %llu subscriptions came and went\n",
                static_cast<long long>(steps_), decisions_.size(), static_cast<unsigned long long>(tickets),
                static_cast<unsigned long long>(came_and_went_.load(std::memory_order_relaxed)));
  }

  const int k_;
  std::chrono::steady_clock::time_point begin_;
  std::atomic<bool> over_{false};
  Folder folder_;
  Handle everything_, inline_all_, observed_all_;
  Audit inline_audit_{all_who_publish}, observed_audit_{all_who_publish};
  std::array<std::int64_t, all_who_publish> published_{};
  std::atomic<std::uint64_t> came_and_went_{0};
  Step steps_ = 0;
  std::vector<AppliedRow> decisions_;
  std::vector<PendingRow> pending_;
};

TEST(Churn, EveryAccountIsExactWhateverComesAndGoes) {
  const char* const asked = std::getenv("SIDESTEP_CHURN_SECONDS");
  const double seconds = asked != nullptr ? std::atof(asked) : 1;
  for (const int k : {0, 2, 5}) {
    SCOPED_TRACE(k);
    Churn(k).go(std::chrono::nanoseconds(static_cast<Nanoseconds>(seconds / 3 * 1e9)));
  }
}

}  // namespace
}  // namespace sidestep::test
