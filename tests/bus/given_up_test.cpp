// A bus that is given up while its dispatcher comes out of the handler that hung.
#include <sidestep/bus.hpp>

#include <bus/probe.hpp>
#include <control/gate.hpp>
#include <control/hold.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace sidestep {
namespace {

using namespace std::chrono_literals;

/// The publisher's own report of the failure spilled behind the full ring it waits at. From then on the dispatcher
/// writes that ring, until all is back.
TEST(GivenUp, WhoGaveItUpHimselfWritesNoRingThatTheDispatcherPutsHisReportBackInto) {
  const auto gate = std::make_shared<test::Gate>();
  test::Hold giving_up(Point::giving_up), putting_back(Point::putting_back);
  auto bus = std::make_unique<Bus>(BusOptions{.ring_capacity = 4, .deadline = 50ms});
  bus->add(std::make_unique<testing_support::Probe>([gate](const Slot&) { gate->pass(); }),
           testing_support::probe_options({BatchEnd::id}));
  std::thread publisher([&] {
    bus->publish(BatchEnd{.step = 1});
    gate->await();  // no deadline runs while the dispatcher's thread is only beginning
    for (Step step = 2; step <= 5; ++step) bus->publish(BatchEnd{.step = step});
  });
  giving_up.await();  // the fifth finds no room, and its handler is failed
  gate->open();
  putting_back.await();  // it has made room
  giving_up.let_go();
  publisher.join();
  EXPECT_TRUE(bus->given_up());
  EXPECT_EQ(bus->account().events, 4u + 1u) << "and a PipelineFailed, which isn't back yet";
  EXPECT_EQ(bus->account().after_close, 1u) << "swallowed: in its ring it would lie in the other's place";
  putting_back.let_go();
  bus.reset();
  while (gate.use_count() > 1) std::this_thread::yield();  // nobody else waits for a dispatcher that was given up
}

}  // namespace
}  // namespace sidestep
