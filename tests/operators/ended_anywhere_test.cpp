#include "operators/every_operator.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

/// Pipelines of every operator that are ended, closed and dropped while events come, by whatever thread.
namespace {
using namespace sidestep;
using namespace sidestep::test;

constexpr int events = 120;

/// A bus with a dispatcher, a chain on it, and a thread that publishes.
struct Running {
  explicit Running(const NamedChain& chain, int throws_at = 0, int ends_itself_at = 0) {
    watcher.value = [this, throws_at, ends_itself_at](double) {
      // acquire: pairs with the release in publish(), so that `handle` is there (interval emits before)
      if (published.load(std::memory_order_acquire) == 0) return;
      if (stopped.load(std::memory_order_relaxed)) late.fetch_add(1, std::memory_order_relaxed);
      const int now = seen.fetch_add(1, std::memory_order_relaxed) + 1;
      if (now == ends_itself_at) handle->end();
      if (now == throws_at) throw std::runtime_error("the handler throws");
    };
    watcher.end = [this] { completions.fetch_add(1, std::memory_order_relaxed); };
    bus.emplace(BusOptions{.ring_capacity = 64});
    handle = chain.attach(*bus, watcher);
    other = bus->on<Number>() | subscribe([this](const Number&) { others.fetch_add(1, std::memory_order_relaxed); });
  }
  void publish() {
    Producer producer = bus->producer("test");
    for (int i = 0; i < events; ++i) {
      const double value = i % 5;
      if (i % 3 == 0)
        producer.publish(Number{value});
      else if (i % 3 == 1)
        producer.publish(OtherNumber{value});
      else
        producer.publish(BothNumber{value});
      published.store(i + 1, std::memory_order_release);  // pairs with await()
      published.notify_all();
    }
  }
  /// Until so many events are published.
  void await(int n) {
    // acquire: pairs with the release in publish()
    for (int now = published.load(std::memory_order_acquire); now < n; now = published.load(std::memory_order_acquire))
      published.wait(now);
  }
  void end() {
    handle->end();
    stopped.store(true, std::memory_order_relaxed);
  }

  std::atomic<int> published{0}, seen{0}, late{0}, others{0}, completions{0};
  std::atomic<bool> stopped{false};
  Watcher watcher;
  std::optional<Bus> bus;
  Handle handle, other;
};

std::vector<NamedChain> all_chains() {
  std::vector<NamedChain> all = every_operator();
  all.insert(all.end(), observed_operators().begin(), observed_operators().end());
  return all;
}

TEST(EndedAnywhere, NothingIsHandledBehindTheEndThatAnotherThreadAskedFor) {
  std::mt19937_64 random(61);
  for (const NamedChain& chain : all_chains())
    for (int round = 0; round < 3; ++round) {
      Running running(chain);
      const int moment = static_cast<int>(random() % events);
      std::thread publisher([&] { running.publish(); });
      std::thread ender([&] {
        running.await(moment);
        running.end();
      });
      publisher.join();
      ender.join();
      running.bus->close();
      ASSERT_EQ(running.late.load(), 0) << chain.name << ", ended at " << moment;
      ASSERT_FALSE(running.handle->failed()) << chain.name << running.handle->error();
      ASSERT_EQ(running.others.load(), events / 3) << chain.name << ": it alone";
    }
}

TEST(EndedAnywhere, ByTwoThreadsAndByItselfAtOnce) {
  std::mt19937_64 random(67);
  for (const NamedChain& chain : all_chains())
    for (int round = 0; round < 2; ++round) {
      Running running(chain, 0, 1 + static_cast<int>(random() % 4));
      const int moment = static_cast<int>(random() % 40);
      std::thread publisher([&] { running.publish(); });
      const auto end = [&] {
        running.await(moment);
        running.end();
      };
      std::thread one(end), another(end);
      publisher.join();
      one.join();
      another.join();
      running.bus->close();
      ASSERT_EQ(running.late.load(), 0) << chain.name << ", ended at " << moment;
      ASSERT_EQ(running.others.load(), events / 3) << chain.name;
    }
}

TEST(EndedAnywhere, ByItselfItHandlesNothingMore) {
  for (const NamedChain& chain : all_chains())
    for (int last = 1; last <= 5; ++last) {
      Running running(chain, 0, last);
      running.publish();
      running.bus->close();
      const bool ended = running.seen.load() >= last;
      ASSERT_LE(running.seen.load(), last)
          << chain.name << ": values of the event, or of the end, at which it was ended";
      ASSERT_TRUE(!ended || running.completions.load() == 0) << chain.name << ", ended at " << last;
      ASSERT_FALSE(running.handle->failed()) << chain.name << running.handle->error();
    }
}

TEST(EndedAnywhere, WhileTheBusCloses) {
  std::mt19937_64 random(71);
  for (const NamedChain& chain : all_chains())
    for (int round = 0; round < 2; ++round) {
      Running running(chain);
      running.publish();
      std::thread ender([&] { running.end(); });
      running.bus->close();
      ender.join();
      ASSERT_EQ(running.late.load(), 0) << chain.name;
      ASSERT_LE(running.completions.load(), 1) << chain.name;
      ASSERT_EQ(running.others.load(), events / 3) << chain.name;
    }
}

// The bus goes, and the handle with it or behind it, on another thread than the one that made them; events still wait.
TEST(EndedAnywhere, TheBusIsDestroyedByAnotherThread) {
  for (const NamedChain& chain : all_chains())
    for (const bool handle_first : {true, false}) {
      Running running(chain);
      running.publish();
      std::thread destroyer([&] {
        if (handle_first) running.handle.reset(), running.other.reset();
        running.bus.reset();
        running.stopped.store(true, std::memory_order_relaxed);
      });
      destroyer.join();
      ASSERT_EQ(running.late.load(), 0) << chain.name;
      ASSERT_EQ(running.others.load(), events / 3) << chain.name;
      if (!handle_first) {
        ASSERT_NE(running.handle->life(), Subscription::Life::running) << chain.name;
      }
    }
}

TEST(EndedAnywhere, AHandlerThatThrowsWhileAnotherThreadEndsIt) {
  std::mt19937_64 random(73);
  for (const NamedChain& chain : all_chains())
    for (int round = 0; round < 2; ++round) {
      Running running(chain, 1 + static_cast<int>(random() % 4));
      const int moment = static_cast<int>(random() % 40);
      std::thread publisher([&] { running.publish(); });
      std::thread ender([&] {
        running.await(moment);
        running.end();
      });
      publisher.join();
      ender.join();
      running.bus->close();
      ASSERT_EQ(running.late.load(), 0) << chain.name;
      ASSERT_EQ(running.others.load(), events / 3) << chain.name << ": it alone";
      ASSERT_EQ(running.handle->published(),
                running.handle->delivered() + running.handle->dropped() + running.handle->pending())
          << chain.name;
    }
}

}  // namespace
