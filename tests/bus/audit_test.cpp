// Four producers, sixteen subscriptions of all policies that come and go at random, and every field of every event:
// nothing is lost, doubled, torn or out of order, and all sums agree with what the producers counted themselves.
// SIDESTEP_AUDITED_EVENTS (in millions) and SIDESTEP_AUDITED_SECONDS say how much: until the first is reached.
#include <sidestep/bus.hpp>
#include <sidestep/operators.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace sidestep {
namespace {

constexpr std::size_t producers = 4, subscriptions = 16, lasting = 4;
constexpr std::uint64_t spacing = 8;  // one event of so many is of the second type

constexpr std::uint64_t mixed_up(std::uint64_t number, std::uint64_t producer) {
  return std::rotl((number ^ producer << 56) * 0x9e3779b97f4a7c15, 29);
}
/// Says of itself that it is self-contained, so it is streamed where the bus does that; the other is stored plainly in
/// the same ring.
struct Audited {
  static constexpr EventId id = first_user_event + 340;
  static constexpr std::string_view name = "Audited";
  static constexpr bool self_contained = true;
  std::uint64_t number = 0, producer = 0, inverse = 0, check = 0, tripled = 0;
};
struct AuditedPlain : Audited {
  static constexpr EventId id = first_user_event + 341;
  static constexpr std::string_view name = "AuditedPlain";
  static constexpr bool self_contained = false;
};
static_assert(sizeof(AuditedPlain) == 40 && SelfContained<Audited> && !SelfContained<AuditedPlain>);

template <class E>
E audited(std::uint64_t number, std::uint64_t producer) {
  E event;
  event.number = number, event.producer = producer, event.inverse = ~number;
  event.check = mixed_up(number, producer), event.tripled = number * 3;
  return event;
}

/// A producer's own count: of events that it began to publish, and of those that it has published.
struct alignas(no_sharing) Count {
  std::atomic<std::uint64_t> begun{0}, done{0};
};
using Numbers = std::array<std::uint64_t, producers>;
struct World {
  std::array<Count, producers> counts;
  Numbers begun() const {
    Numbers all;
    // acquire: pairs with the producers' releases
    for (std::size_t p = 0; p < producers; ++p) all[p] = counts[p].begun.load(std::memory_order_acquire);
    return all;
  }
  Numbers done() const {
    Numbers all;
    for (std::size_t p = 0; p < producers; ++p) all[p] = counts[p].done.load(std::memory_order_acquire);
    return all;
  }
};

enum class Types { both, first, second };
bool is_second(std::uint64_t number) { return number % spacing == 0; }

/// What a subscription has seen, by producer. Written by its handler alone.
struct Seen {
  const Types types;
  const bool gapless;  ///< it is lossless
  Numbers first{}, last{};
  std::uint64_t count = 0, sum = 0, torn = 0, misplaced = 0;
  std::uint64_t ends_at = ~std::uint64_t{0};  ///< event, by its own count, at which its handler ends or fails it
  enum class AtEnd { nothing, end, fail } at_end = AtEnd::nothing;
  std::atomic<Subscription*> self{nullptr};

  Seen(Types which, bool lossless) : types(which), gapless(lossless) {}

  bool wants(std::uint64_t number) const {
    return types == Types::both || (types == Types::second) == is_second(number);
  }
  std::uint64_t behind(std::uint64_t number) const {  // of its types
    if (types == Types::second) return number + spacing;
    return number + (types == Types::first && is_second(number + 1) ? 2 : 1);
  }
  void see(const Audited& event, bool second) {
    const std::uint64_t n = event.number, p = event.producer;
    if (p >= producers || event.inverse != ~n || event.check != mixed_up(n, p) || event.tripled != n * 3 ||
        second != is_second(n)) {
      ++torn;
      return;
    }
    const bool in_place = last[p] == 0 || (gapless ? n == behind(last[p]) : n > last[p]);
    misplaced += !in_place || !wants(n);
    if (first[p] == 0) first[p] = n;
    last[p] = n;
    ++count;
    sum += n;
    if (count >= ends_at) [[unlikely]]
      at_its_end();
  }
  void at_its_end() {
    if (at_end == AtEnd::fail) throw std::runtime_error("as planned");
    // acquire: pairs with the release when it was added. Not yet there: at a later event
    if (Subscription* const me = self.load(std::memory_order_acquire)) me->end();
  }
};
struct Look {
  Seen* seen;
  void operator()(const Audited& event) const { seen->see(event, false); }
  void operator()(const AuditedPlain& event) const { seen->see(event, true); }
  void operator()(const OneOf<Audited, AuditedPlain>& one) const {
    one.visit([this](const auto& event) { (*this)(event); });
  }
};

/// One subscription's life, and what must be true of it at its end.
class Life {
 public:
  enum class Where { inside, io_threads, compute_threads };
  struct Plan {
    Overload overload{};
    Where where = Where::inside;
    Types types = Types::both;
    int producer = -1;  // of one alone
    int dispatcher = 0;
    std::int64_t takes = 0;  // completes by itself
    Seen::AtEnd at_end = Seen::AtEnd::nothing;
    std::uint64_t ends_at = ~std::uint64_t{0};
  };

  Life(Bus& bus, const World& world, const Plan& plan) : world_(world), plan_(plan) {
    seen_->ends_at = plan.ends_at;
    seen_->at_end = plan.at_end;
    before_ = world.done();
    switch (plan.types) {
      case Types::both:
        handle_ = add(bus.on<Audited, AuditedPlain>());
        break;
      case Types::first:
        handle_ = add(bus.on<Audited>());
        break;
      case Types::second:
        handle_ = add(bus.on<AuditedPlain>());
        break;
    }
    after_ = world.begun();
    seen_->self.store(handle_.get(), std::memory_order_release);  // pairs with at_its_end()
  }

  const Handle& handle() const { return handle_; }
  const Seen& seen() const { return *seen_; }
  std::uint64_t count() const { return seen_->count; }

  /// Ends it. Whatever is wrong is told.
  void end(const std::function<void(const std::string&)>& tell) {
    const Numbers due = world_.done();
    handle_->end();
    const Numbers most = world_.begun();
    while (!handle_->pipeline().quiet()) std::this_thread::yield();  // it failed, and its handler is still at work
    const auto check = [&](bool holds, const std::string& what) {
      if (!holds) tell(what + " (" + text() + ")");
    };
    const Seen& seen = *seen_;
    check(seen.torn == 0, std::to_string(seen.torn) + " events were torn");
    check(seen.misplaced == 0,
          std::to_string(seen.misplaced) + " events were lost, doubled, out of order or of another type");
    const bool by_us = handle_->life() == Subscription::Life::ended && plan_.at_end == Seen::AtEnd::nothing;
    for (std::size_t p = 0; p < producers; ++p) {
      if (plan_.producer >= 0 && static_cast<std::size_t>(plan_.producer) != p) {
        check(seen.last[p] == 0, "an event of another producer");
        continue;
      }
      if (seen.last[p] != 0) {
        check(seen.first[p] > before_[p], "an event from before it was added");
        check(seen.last[p] <= most[p], "an event from after it was ended");
      }
      if (!seen.gapless || !by_us) continue;
      std::uint64_t must = after_[p] + 1, until = due[p];  // these it had to see
      while (must <= until && !seen.wants(must)) ++must;
      while (until >= must && !seen.wants(until)) --until;
      if (must > until) continue;
      check(seen.last[p] != 0 && seen.first[p] <= must, "the first event after it was added is missing");
      check(seen.last[p] >= until, "the last event before it was ended is missing");
    }
  }
  /// What it counts is exact when `end` has returned if it was ended from outside, else behind the next flush.
  bool counts_at_once() const {
    return plan_.takes == 0 && plan_.at_end == Seen::AtEnd::nothing && plan_.overload.policy != Overload::Policy::fail;
  }
  void check_counts(const std::function<void(const std::string&)>& tell) const {
    const auto check = [&](bool holds, const std::string& what) {
      if (!holds) tell(what + " (" + text() + ")");
    };
    const Seen& seen = *seen_;
    if (handle_->failed())
      return check(handle_->published() >= handle_->delivered() + handle_->dropped(),
                   "more is delivered than published");
    check(handle_->published() == handle_->delivered() + handle_->dropped(), "published isn't delivered and dropped");
    if (plan_.where == Where::inside) {
      check(handle_->delivered() == seen.count, "delivered isn't what it has seen");
    } else {
      const QueueAccount& queue = *handle_->queues()[0];
      if (queue.given_up.load()) return;  // its handler threw when it had been ended already
      check(queue.handed.get() == queue.finished.load() + queue.dropped.get(),
            "handed over isn't finished and dropped");
      // what its own handler didn't want any more is finished unseen
      const bool to_its_end = plan_.at_end == Seen::AtEnd::nothing;
      check(to_its_end ? queue.finished.load() == seen.count : queue.finished.load() >= seen.count,
            "finished isn't what it has seen");
    }
    check(plan_.takes == 0 || seen.count <= static_cast<std::uint64_t>(plan_.takes), "it saw more than it took");
  }
  std::string text() const {
    return "policy " + std::to_string(static_cast<int>(plan_.overload.policy)) + ", place " +
           std::to_string(static_cast<int>(plan_.where)) + ", types " + std::to_string(static_cast<int>(plan_.types)) +
           ", producer " + std::to_string(plan_.producer) + ", dispatcher " + std::to_string(plan_.dispatcher) +
           ", takes " + std::to_string(plan_.takes) + ", ends itself " +
           std::to_string(static_cast<int>(plan_.at_end)) + ", saw " + std::to_string(seen_->count) + ": published " +
           std::to_string(handle_->published()) + ", delivered " + std::to_string(handle_->delivered()) + ", dropped " +
           std::to_string(handle_->dropped());
  }

 private:
  template <class From>
  Handle add(From from) {
    auto source = std::move(from).overload(plan_.overload).on_dispatcher(plan_.dispatcher);
    if (plan_.producer >= 0) source = std::move(source).from(std::to_string(plan_.producer));
    const Look look{seen_.get()};
    if (plan_.takes > 0) return std::move(source) | take(plan_.takes) | subscribe(look);
    switch (plan_.where) {
      case Where::io_threads:
        return std::move(source) | observe_on(io, {.capacity = 512}) | subscribe(look);
      case Where::compute_threads:
        return std::move(source) | observe_on(compute, {.capacity = 512}) | subscribe(look);
      default:
        return std::move(source) | subscribe(look);
    }
  }

  const World& world_;
  const Plan plan_;
  const std::unique_ptr<Seen> seen_ =
      std::make_unique<Seen>(plan_.types, plan_.overload.lossless() || plan_.overload.policy == Overload::Policy::fail);
  Numbers before_{}, after_{};
  Handle handle_;
};

Life::Plan any_plan(std::mt19937_64& random) {
  const auto below = [&](std::uint64_t n) { return random() % n; };
  Life::Plan plan;
  plan.types = static_cast<Types>(below(3));
  plan.producer = below(3) == 0 ? static_cast<int>(below(producers)) : -1;
  plan.dispatcher = static_cast<int>(below(2));
  switch (below(12)) {
    case 0:
    case 1:
      break;
    case 2:
      plan.takes = static_cast<std::int64_t>(below(100'000)) + 1;
      break;
    case 3:
      plan.at_end = Seen::AtEnd::end, plan.ends_at = below(100'000) + 1;
      break;
    case 4:
      plan.at_end = Seen::AtEnd::fail, plan.ends_at = below(100'000) + 1;
      break;
    case 5:
    case 6:
      plan.overload = drop_oldest(below(5000) + 1);
      break;
    case 7:
    case 8:
      plan.overload = latest();
      break;
    case 9:
    case 10:
      plan.overload = keep_every(below(50) + 1, below(300));
      break;
    default:
      plan.overload = fail_beyond(below(30'000) + 100);
  }
  // a queue costs more than all the rest: every event that a lossless pipeline behind one sees slows all down
  if (plan.takes == 0 && below(plan.overload.lossless() ? 6 : 2) == 0)
    plan.where = below(2) == 0 ? Life::Where::io_threads : Life::Where::compute_threads;
  return plan;
}

std::uint64_t asked(const char* variable, std::uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

TEST(Audit, NothingIsLostDoubledTornOrOutOfOrder) {
  const std::uint64_t millions = asked("SIDESTEP_AUDITED_EVENTS", 0);
  const std::uint64_t events = (millions != 0                                        ? millions
                                : std::getenv("SIDESTEP_AUDITED_SECONDS") != nullptr ? 1'000'000
                                                                                     : 4) *
                               1'000'000;
  const std::chrono::seconds longest(asked("SIDESTEP_AUDITED_SECONDS", millions != 0 ? 1'000'000 : 4));
  const std::uint64_t seed = asked("SIDESTEP_AUDITED_SEED", std::random_device{}());
  SCOPED_TRACE("SIDESTEP_AUDITED_SEED=" + std::to_string(seed));

  Bus bus({.dispatchers = 2});
  World world;
  std::mutex mutex;  // guards what follows
  std::vector<std::string> wrong;
  std::vector<std::unique_ptr<Life>> later;  // that are to be counted
  BusAccount sum;
  std::uint64_t lives = 0;
  const auto tell = [&](const std::string& what) {
    const std::lock_guard lock(mutex);
    if (wrong.size() < 20) wrong.push_back(what);
  };
  const auto count = [&](const Life& life) {
    life.check_counts(tell);
    const Handle& handle = life.handle();
    const std::lock_guard lock(mutex);
    sum.published += handle->published(), sum.delivered += handle->delivered(), sum.dropped += handle->dropped();
    ++lives;
  };
  const auto end = [&](std::unique_ptr<Life>& life) {
    life->end(tell);
    if (life->counts_at_once()) return count(*life), life.reset();
    const std::lock_guard lock(mutex);
    later.push_back(std::move(life));
  };

  // These stay from the first event to the last.
  std::vector<std::unique_ptr<Life>> whole;
  const Life::Plan plans[lasting] = {
      {.dispatcher = 0},
      {.types = Types::second, .dispatcher = 1},
      {.overload = latest(), .where = Life::Where::io_threads, .dispatcher = 1},
      {.overload = drop_oldest(1000), .types = Types::first, .producer = 2, .dispatcher = 0}};
  for (const Life::Plan& plan : plans) whole.push_back(std::make_unique<Life>(bus, world, plan));

  std::atomic<bool> stop{false}, over{false};  // relaxed: advice
  std::vector<std::thread> publishing, changing;
  for (std::size_t p = 0; p < producers; ++p)
    publishing.emplace_back([&, p] {
      Producer producer = bus.producer(std::to_string(p));
      Count& count = world.counts[p];
      for (std::uint64_t number = 1; number <= events / producers; ++number) {
        if (number % 1024 == 0 && stop.load(std::memory_order_relaxed)) break;
        // release, both: pair with World's acquires; whoever finds the event counted in the ring finds it begun
        count.begun.store(number, std::memory_order_release);
        if (is_second(number))
          producer.publish(audited<AuditedPlain>(number, p));
        else
          producer.publish(audited<Audited>(number, p));
        count.done.store(number, std::memory_order_release);
      }
    });
  for (std::size_t i = 0; i < 2; ++i)
    changing.emplace_back([&, i] {
      std::mt19937_64 random(seed + i);
      std::vector<std::unique_ptr<Life>> lives_here((subscriptions - lasting) / 2);
      while (!over.load(std::memory_order_relaxed)) {
        auto& life = lives_here[random() % lives_here.size()];
        if (life == nullptr)
          life = std::make_unique<Life>(bus, world, any_plan(random));
        else
          end(life);
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 1000));  // paces it, waits for nothing
      }
      for (auto& life : lives_here)
        if (life != nullptr) end(life);
    });
  std::thread watch([&] {
    const Nanoseconds until = Clock::steady() + std::chrono::nanoseconds(longest).count();
    while (!over.load(std::memory_order_relaxed) && Clock::steady() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    stop.store(true, std::memory_order_relaxed);
  });
  for (std::thread& thread : publishing) thread.join();
  over.store(true, std::memory_order_relaxed);
  for (std::thread& thread : changing) thread.join();
  watch.join();
  bus.flush();

  const Numbers counts = world.done();
  std::uint64_t all = 0, all_numbers = 0, second = 0, second_numbers = 0;
  for (const std::uint64_t n : counts) {
    all += n, all_numbers += n * (n + 1) / 2;
    second += n / spacing, second_numbers += spacing * (n / spacing) * (n / spacing + 1) / 2;
  }
  EXPECT_EQ(whole[0]->seen().count, all);
  EXPECT_EQ(whole[0]->seen().sum, all_numbers);
  EXPECT_EQ(whole[0]->seen().last, counts);
  EXPECT_EQ(whole[1]->seen().count, second);
  EXPECT_EQ(whole[1]->seen().sum, second_numbers);
  EXPECT_EQ(whole[2]->handle()->published(), all);
  EXPECT_EQ(whole[3]->handle()->published(), counts[2] - counts[2] / spacing);
  for (auto& life : whole) end(life);
  bus.close();
  std::size_t failed = 0;
  for (const auto& life : later) count(*life), failed += life->handle()->failed() ? 1 : 0;
  const BusAccount account = bus.account();
  EXPECT_GE(account.events, all);  // and a PipelineFailed for each that failed
  EXPECT_LE(account.events, all + failed);
  EXPECT_EQ(account.published, sum.published);
  EXPECT_EQ(account.delivered, sum.delivered);
  EXPECT_EQ(account.dropped, sum.dropped);
  for (const std::string& what : wrong) ADD_FAILURE() << what;
  EXPECT_GT(lives, lasting);
  RecordProperty("events", std::to_string(all));
  RecordProperty("lives", std::to_string(lives));
  std::printf("%llu events, %llu subscriptions, %zu of them failed as planned; %llu dropped, %llu publisher waits\n",
              static_cast<unsigned long long>(all), static_cast<unsigned long long>(lives), failed,
              static_cast<unsigned long long>(account.dropped),
              static_cast<unsigned long long>(account.publisher_waits));
}

}  // namespace
}  // namespace sidestep
