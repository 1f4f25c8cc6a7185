// A bus that other processes watch: what they see, and that none of them can slow or harm it.
#include <sidestep/bus.hpp>
#include <sidestep/bus/shared_bus.hpp>
#include <sidestep/bus/watcher.hpp>

#include <bus/other_process.hpp>
#include <bus/probe.hpp>
#include <scratch_folder.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <sstream>
#include <thread>

namespace sidestep {
namespace {

using namespace std::chrono_literals;
using test::ScratchFolder;
using testing_support::OtherProcess;
using testing_support::Probe;
using testing_support::probe_options;

/// A user's event that refers to nothing, whose words all say its number.
struct Echo {
  static constexpr EventId id = first_user_event + 50;
  static constexpr std::string_view name = "Echo";
  static constexpr bool self_contained = true;
  std::uint64_t number = 0, twice = 0, thrice = 0, inverse = 0;
  Name who{};
  std::int32_t low = 0;
  void fields(auto&& f) const {
    f("number", number), f("twice", twice), f("thrice", thrice), f("inverse", inverse), f("who", who), f("low", low);
  }

  static Echo of(std::uint64_t n, Name who = {}) {
    return {
        .number = n, .twice = 2 * n, .thrice = 3 * n, .inverse = ~n, .who = who, .low = static_cast<std::int32_t>(n)};
  }
  bool whole() const {
    return twice == 2 * number && thrice == 3 * number && inverse == ~number &&
           low == static_cast<std::int32_t>(number);
  }
};
/// One that is never streamed.
struct PlainEcho : Echo {
  static constexpr EventId id = first_user_event + 51;
  static constexpr std::string_view name = "PlainEcho";
  static constexpr bool self_contained = false;
};

/// As soon as there is a bus.
std::unique_ptr<Watcher> watcher_of(const std::filesystem::path& place) {
  for (;;) try {
      return std::make_unique<Watcher>(place);
    } catch (const WatchError& error) {
      if (error.kind() != WatchError::Kind::not_live) throw;
      std::this_thread::sleep_for(1ms);
    }
}

/// Watches to the end. Says "ready" when it watches, and then what came: seen, missed, and "torn" if an event wasn't
/// whole.
void count_to_the_end(const std::filesystem::path& place, const OtherProcess::Say& say,
                      std::chrono::milliseconds nap = 1ms) {
  const auto watcher = watcher_of(place);
  say("ready");
  std::uint64_t torn = 0, seen = 0;
  std::map<std::uint32_t, Sequence> last;
  while (!watcher->over()) {
    const std::size_t found = watcher->poll([&](const LoggedEvent& event) {
      ++seen;
      Echo echo;
      std::memcpy(&echo, event.body, sizeof echo);
      if ((event.type == Echo::id || event.type == PlainEcho::id) && (!echo.whole() || echo.number != event.sequence))
        ++torn;
      if (std::exchange(last[event.ring], event.sequence) >= event.sequence) ++torn;
    });
    if (found == 0) watcher->wait(nap);
  }
  const WatchAccount account = watcher->account();
  std::ostringstream text;
  text << "seen " << account.seen << " missed " << account.missed << " rings " << account.rings << " unshared "
       << account.unshared << (watcher->closed() ? " closed" : " gone");
  if (torn > 0 || account.nonsense > 0 || seen != account.seen)
    text << " torn " << torn << " nonsense " << account.nonsense;
  say(text.str());
}

struct Counted {
  std::uint64_t seen = 0, missed = 0, rings = 0, unshared = 0;
  std::string end;
};
Counted counted(const std::string& line) {
  Counted all;
  std::string word;
  std::istringstream text(line);
  text >> word >> all.seen >> word >> all.missed >> word >> all.rings >> word >> all.unshared;
  std::getline(text >> std::ws, all.end);
  return all;
}

TEST(SharedBus, AnotherProcessSeesEachEventWithItsTypeItsFieldsAndItsNames) {
  const ScratchFolder place;
  OtherProcess other([&](const OtherProcess::Say& say) {
    const auto watcher = watcher_of(place.path());
    say("ready");
    while (!watcher->over()) {
      watcher->poll([&](const LoggedEvent& event) {
        const LogCatalog& catalog = watcher->catalog();
        std::ostringstream line;
        line << catalog.ring_name(event.ring) << '#' << event.sequence << ' ' << event.stamp << ' '
             << catalog.type_name(event.type);
        if (const LoggedType* const type = catalog.type(event.type))
          for (const FieldLayout& field : type->fields)
            if (const auto value = catalog.value(event, field))
              std::visit([&](const auto& one) { line << ' ' << field.name << '=' << one; }, *value);
        say(line.str());
      });
      watcher->wait(1ms);
    }
    say(watcher->closed() ? "closed" : "gone");
  });
  Bus bus({.shared = std::make_shared<SharedBus>(place.path())});
  Producer producer = bus.producer("camera", Stream::trainer);
  // before anybody watches: it is still in the ring
  producer.publish_at(5, FitEnd{.step = 9, .epoch = 2, .stopped = true});
  ASSERT_EQ(other.hears(), "ready");
  producer.publish_at(7, Echo::of(2, intern("a name that nobody has had before")));
  producer.publish_at(8, Metric{.step = 3, .value = 0.5, .metric = intern("another name"), .epoch = 1});
  Producer later = bus.producer("later");
  later.publish_at(9, BatchEnd{.step = 4, .loss = 1.5});
  std::vector<std::string> lines;
  for (int i = 0; i < 4; ++i) lines.push_back(other.hears());
  std::ranges::sort(lines);
  EXPECT_EQ(lines[0], "camera#1 5 FitEnd step=9 epoch=2 stopped=1");
  EXPECT_EQ(lines[1],
            "camera#2 7 Echo number=2 twice=4 thrice=6 inverse=18446744073709551613 who=a name that nobody has had "
            "before low=2");
  EXPECT_EQ(lines[2], "camera#3 8 Metric step=3 epoch=1 metric=another name value=0.5");
  EXPECT_EQ(lines[3], "later#1 9 BatchEnd step=4 epoch=0 batch=0 samples=0 loss=1.5 accuracy=0 learning_rate=0");
  bus.close();
  later.leave();
  producer.leave();
  // the bus' end, and not its closing, is the end for who watches: whatever closes it may say more in files first
}

TEST(SharedBus, ItsEndIsTheEndOfWhoWatches) {
  const ScratchFolder place;
  OtherProcess other([&](const OtherProcess::Say& say) { count_to_the_end(place.path(), say); });
  {
    Bus bus({.shared = std::make_shared<SharedBus>(place.path())});
    Producer producer = bus.producer("one");
    ASSERT_EQ(other.hears(), "ready");
    for (std::uint64_t n = 1; n <= 100; ++n) producer.publish(Echo::of(n));
  }
  const Counted all = counted(other.hears());
  EXPECT_EQ(all.seen, 100u);
  EXPECT_EQ(all.missed, 0u);
  EXPECT_EQ(all.end, "closed");
}

class WatchedWithStores : public ::testing::TestWithParam<Stores> {};

TEST_P(WatchedWithStores, AWatcherThatIsOverwrittenAllTheTimeSeesWholeEventsAndCountsTheOthers) {
  const ScratchFolder place;
  OtherProcess other([&](const OtherProcess::Say& say) { count_to_the_end(place.path(), say, 0ms); });
  constexpr std::uint64_t events = 3'000'000;
  {
    // a small ring, and nobody to wait for: what the other process copies is written over the moment after
    Bus bus({.ring_capacity = 4,
             .thread = false,
             .stores = GetParam(),
             .shared = std::make_shared<SharedBus>(place.path())});
    Producer producer = bus.producer("one");
    ASSERT_EQ(other.hears(), "ready");
    for (std::uint64_t n = 1; n <= events; ++n) {
      if (n % 2 == 0) bus.poll();
      if (n % 3 == 0)
        producer.publish_at(1, PlainEcho{Echo::of(n)});  // both kinds of store in one ring
      else
        producer.publish_at(1, Echo::of(n));
    }
  }
  const Counted all = counted(other.hears());
  EXPECT_EQ(all.seen + all.missed, events);
  EXPECT_GT(all.seen, 0u);
  EXPECT_EQ(all.end, "closed");
  RecordProperty("missed", std::to_string(all.missed));
}

INSTANTIATE_TEST_SUITE_P(Form, WatchedWithStores, ::testing::Values(Stores::plain, Stores::streaming),
                         [](const auto& info) {
                           return std::string(info.param == Stores::plain ? "plain" : "streaming");
                         });

TEST(SharedBus, AStoppedWatcherHoldsNobodyUpAndIsToldHowManyItMissed) {
  const ScratchFolder place;
  OtherProcess other([&](const OtherProcess::Say& say) { count_to_the_end(place.path(), say); });
  constexpr std::uint64_t events = 100'000;
  std::uint64_t handled = 0;
  {
    Bus bus({.ring_capacity = 1024, .shared = std::make_shared<SharedBus>(place.path())});
    bus.add(std::make_unique<Probe>([&](const Slot&) { ++handled; }), probe_options({Echo::id}));
    Producer producer = bus.producer("one");
    ASSERT_EQ(other.hears(), "ready");
    other.stop();
    for (std::uint64_t n = 1; n <= events; ++n) producer.publish_at(1, Echo::of(n));
    bus.close();  // with the watcher standing still all along
    EXPECT_EQ(handled, events);
  }
  other.go_on();
  const Counted all = counted(other.hears());
  EXPECT_EQ(all.seen + all.missed, events);
  EXPECT_GE(all.seen, 512u);  // half a ring is always there
  EXPECT_GE(all.missed, events - 1024);
  EXPECT_EQ(all.end, "closed");
}

TEST(SharedBus, AKilledWatcherIsForgotten) {
  const ScratchFolder place;
  OtherProcess other([&](const OtherProcess::Say& say) { count_to_the_end(place.path(), say); });
  const auto shared = std::make_shared<SharedBus>(place.path());
  Bus bus({.shared = shared});
  Producer producer = bus.producer("one");
  ASSERT_EQ(other.hears(), "ready");
  while (shared->watchers() != 1) std::this_thread::sleep_for(1ms);
  producer.publish(Echo::of(1));
  other.kill(SIGKILL);
  while (shared->watchers() != 0) std::this_thread::sleep_for(1ms);
  producer.publish(Echo::of(2));
  bus.close();
  EXPECT_EQ(bus.account().events, 2u);
}

TEST(SharedBus, WhatAKilledProcessLeftIsReadToItsEnd) {
  const ScratchFolder place;
  OtherProcess other([&](const OtherProcess::Say& say) {
    Bus bus({.shared = std::make_shared<SharedBus>(place.path())});
    Producer producer = bus.producer("one");
    say("ready");
    for (std::uint64_t n = 1; n <= 1000; ++n) producer.publish(Echo::of(n, intern("name " + std::to_string(n))));
    say("published");
    for (;;) ::pause();
  });
  ASSERT_EQ(other.hears(), "ready");
  Watcher watcher(place.path());
  ASSERT_EQ(other.hears(), "published");
  other.kill(SIGKILL);
  std::uint64_t seen = 0, named = 0;
  while (!watcher.over()) {
    watcher.poll([&](const LoggedEvent& event) {
      Echo echo;
      std::memcpy(&echo, event.body, sizeof echo);
      named += watcher.catalog().name(echo.who.id) == "name " + std::to_string(++seen);
    });
    watcher.wait(1ms);
  }
  EXPECT_EQ(seen, 1000u);
  EXPECT_EQ(named, 1000u);
  EXPECT_EQ(watcher.account().missed, 0u);
  EXPECT_FALSE(watcher.closed());
  EXPECT_THROW(Watcher{place.path()}, WatchError);
}

TEST(SharedBus, ProducersThatComeAndGoAreCountedToTheLastEvent) {
  const ScratchFolder place;
  OtherProcess other([&](const OtherProcess::Say& say) { count_to_the_end(place.path(), say); });
  std::uint64_t published = 0;
  constexpr std::uint64_t producers = 200;
  {
    // room for three rings: their memory is used again and again
    Bus bus({.ring_capacity = 64, .shared = std::make_shared<SharedBus>(place.path(), 3 * 4096)});
    ASSERT_EQ(other.hears(), "ready");
    for (std::uint64_t p = 0; p < producers; ++p) {
      Producer producer = bus.producer("producer " + std::to_string(p));
      for (std::uint64_t n = 1; n <= 10 * (p % 20); ++n, ++published) producer.publish_at(1, Echo::of(n));
      producer.leave();
      bus.flush();
    }
  }
  const Counted all = counted(other.hears());
  EXPECT_EQ(all.seen + all.missed, published);
  EXPECT_EQ(all.rings + all.unshared, producers);
  EXPECT_GT(all.rings, producers / 2);
  EXPECT_EQ(all.end, "closed");
}

TEST(SharedBus, ARingWithoutRoomIsNotSharedAndWorksAllTheSame) {
  const ScratchFolder place;
  Bus bus({.ring_capacity = 64, .shared = std::make_shared<SharedBus>(place.path(), 4096)});
  std::uint64_t handled = 0;
  bus.add(std::make_unique<Probe>([&](const Slot&) { ++handled; }), probe_options({Echo::id}));
  Producer one = bus.producer("one"), two = bus.producer("two");
  Watcher watcher(place.path());
  one.publish(Echo::of(1));
  two.publish(Echo::of(1));
  bus.flush();
  std::uint64_t seen = 0;
  watcher.poll([&](const LoggedEvent&) { ++seen; });
  EXPECT_EQ(handled, 2u);
  EXPECT_EQ(seen, 1u);
  EXPECT_EQ(watcher.account().unshared, 1u);
}

TEST(SharedBus, NobodyElseCanMakeItsMemoryWritable) {
  const ScratchFolder place;
  Bus bus({.shared = std::make_shared<SharedBus>(place.path())});
  const Descriptor socket = local_socket::connect_to(place.path());
  shared_layout::Hello hello{};
  const auto answer = local_socket::receive(socket, std::as_writable_bytes(std::span(&hello, 1)), 10s);
  ASSERT_TRUE(answer && answer->descriptor);
  EXPECT_EQ(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, answer->descriptor.get(), 0), MAP_FAILED);
  const std::string self = "/proc/self/fd/" + std::to_string(answer->descriptor.get());
  const Descriptor again(::open(self.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(again);  // its owner may; but the seals hold
  EXPECT_EQ(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, again.get(), 0), MAP_FAILED);
  EXPECT_EQ(::pwrite(again.get(), "x", 1, 0), -1);
  EXPECT_NE(::ftruncate(again.get(), 0), 0);
}

TEST(SharedBus, WhoeverTalksNonsenseOrComesInCrowdsIsNotListenedTo) {
  const ScratchFolder place;
  const auto shared = std::make_shared<SharedBus>(place.path());
  Bus bus({.shared = shared});
  Producer producer = bus.producer("one");
  producer.publish(Echo::of(1));
  std::vector<Descriptor> crowd;
  while (shared->watchers() < 16) {
    try {
      crowd.push_back(local_socket::connect_to(place.path()));
    } catch (const std::system_error&) {  // so many wait already
    }
    if (!crowd.empty()) (void)::send(crowd.back().get(), "nonsense", 8, MSG_DONTWAIT | MSG_NOSIGNAL);
    std::this_thread::sleep_for(1ms);
  }
  std::string said;
  do said = test::complaint<WatchError>([&] { Watcher{place.path()}; });
  // those of the crowd who came behind the sixteenth, until they are refused
  while (said.find("too many wait") != std::string::npos);
  EXPECT_EQ(said, place.path().string() + ": it has as many watchers as it takes: end one of them.");
  crowd.clear();
  while (shared->watchers() != 0) std::this_thread::sleep_for(1ms);
  Watcher watcher(place.path());
  EXPECT_EQ(watcher.poll([](const LoggedEvent&) {}), 1u);
}

TEST(SharedBus, TwoBusesAreNotSharedInOnePlace) {
  const ScratchFolder place;
  const SharedBus first(place.path());
  EXPECT_EQ(test::complaint<ShareError>([&] { SharedBus{place.path()}; }),
            place.path().string() + ": another bus is shared there");
}

TEST(SharedBus, WhereFilesMustBeSmallItSaysSoAndNoSignalComes) {
  const ScratchFolder place;
  OtherProcess other([&](const OtherProcess::Say& say) {
    const rlimit small{.rlim_cur = 1 << 20, .rlim_max = 1 << 20};
    ::setrlimit(RLIMIT_FSIZE, &small);
    say(test::complaint<ShareError>([&] { SharedBus{place.path()}; }));
  });
  EXPECT_EQ(other.hears(), "shared memory: File too large");
}

// ---- what a watcher says of what it can't watch

std::string refusal_of(const std::filesystem::path& place, WatchError::Kind kind) {
  try {
    const Watcher watcher(place);
  } catch (const WatchError& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  return "it was watched";
}

TEST(Watcher, SaysInOneSentenceWhyItCantWatch) {
  using Kind = WatchError::Kind;
  const ScratchFolder place;
  const std::string path = place.path().string();
  EXPECT_EQ(refusal_of(place.path(), Kind::not_live), path + ": no bus is shared there now.");
  EXPECT_EQ(refusal_of(place / "nothing", Kind::place), path + "/nothing: there is no such file or folder.");
}

/// Somebody else listens there and hands over what he likes.
std::string refusal_of_an_impostor(const shared_layout::Hello& hello, int descriptor) {
  const ScratchFolder place;
  const Descriptor door = local_socket::listen_at(place.path());
  std::thread impostor([&] {
    for (;;) {
      const Descriptor watcher(::accept(door.get(), nullptr, nullptr));
      if (!watcher) {
        std::this_thread::sleep_for(1ms);
        continue;
      }
      EXPECT_TRUE(local_socket::send(watcher, std::as_bytes(std::span(&hello, 1)), descriptor));
      return;
    }
  });
  std::string why = "it was watched";
  try {
    const Watcher watcher(place.path());
  } catch (const WatchError& error) {
    why = error.what();
    if (why.starts_with(place.path().string())) why = why.substr(place.path().string().size());
  }
  impostor.join();
  return why;
}

TEST(Watcher, RefusesMemoryThatCouldShrinkUnderIt) {
  const shared_layout::Hello hello{.magic = shared_layout::magic, .version = shared_layout::version, .welcome = 1};
  const Descriptor loose(::memfd_create("loose", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(::ftruncate(loose.get(), 1 << 20), 0);
  EXPECT_EQ(refusal_of_an_impostor(hello, loose.get()), "what was handed over isn't sealed memory.");
  const ScratchFolder folder;
  test::write_text(folder / "file", std::string(8192, 'x'));
  const Descriptor file(::open((folder / "file").c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(refusal_of_an_impostor(hello, file.get()), "what was handed over isn't sealed memory.");
  const Descriptor small(::memfd_create("small", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(::fcntl(small.get(), F_ADD_SEALS, F_SEAL_SHRINK), 0);
  EXPECT_EQ(refusal_of_an_impostor(hello, small.get()), "what was handed over has an impossible size.");
}

TEST(Watcher, RefusesWhatIsNoBusAndWhatIsNewer) {
  const Descriptor zeros(::memfd_create("zeros", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(::ftruncate(zeros.get(), 8192), 0);
  ASSERT_EQ(::fcntl(zeros.get(), F_ADD_SEALS, F_SEAL_SHRINK), 0);
  shared_layout::Hello hello{.magic = shared_layout::magic, .version = shared_layout::version, .welcome = 1};
  EXPECT_EQ(refusal_of_an_impostor(hello, zeros.get()), "its memory isn't that of a bus: it doesn't begin as one.");
  hello.version = shared_layout::version + 1;
  EXPECT_EQ(refusal_of_an_impostor(hello, zeros.get()),
            ": it belongs to a later version of Sidestep: watch it with that one.");
  hello.magic = {};
  EXPECT_EQ(refusal_of_an_impostor(hello, zeros.get()), ": what answers there isn't a bus.");
}

}  // namespace
}  // namespace sidestep
