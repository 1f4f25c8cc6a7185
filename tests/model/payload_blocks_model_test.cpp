// A pool's blocks: none is written while anybody may read it, none is given to two, a reference that comes late finds
// out.
#include <sidestep/bus/payload_blocks.hpp>

#include <model/explorer.hpp>

#include <gtest/gtest.h>

#include <array>

namespace sidestep {
namespace {

using model::Atomics;
using model::Explorer;
using model::Violation;
using Blocks = BasicPayloadBlocks<Atomics>;

/// One writes a payload and tells another, who looks at it if he isn't late; a third wants the block for a payload of
/// his own.
std::uint64_t explore_payload(const Explorer::Options& options) {
  struct World {
    Blocks blocks{1};
    int payload = 0;
    std::uint64_t told = 0;  // the generation
  };
  Explorer explorer(options);
  return explorer.run([&explorer] {
    auto world = std::make_shared<World>();
    const auto let_go = [=] {
      if (world->blocks.drop(0, 1)) world->blocks.give_back(0);
    };
    const auto write = [=, &explorer](int value) {
      explorer.write_plain(&world->payload);
      world->payload = value;
    };
    return std::vector<std::function<void()>>{
        [=] {
          if (world->blocks.take() == Blocks::none) return;
          write(1);
          Atomics::store(world->told, std::uint64_t{world->blocks.generation(0)}, std::memory_order_release);
          let_go();
        },
        [=, &explorer] {
          const std::uint64_t generation = Atomics::load(world->told, std::memory_order_acquire);
          if (generation == 0 || !world->blocks.hold(0, static_cast<std::uint32_t>(generation), 1)) return;
          explorer.read_plain(&world->payload);
          explorer.check(world->payload == 1, "it holds another payload");
          let_go();
        },
        [=] {
          if (world->blocks.take() == Blocks::none) return;
          write(2);
          let_go();
        }};
  });
}
const model::Program payload_program(explore_payload);

/// One takes all, gives all back and takes one again, while another takes what there is: what each has is his alone.
std::uint64_t explore_stack(const Explorer::Options& options) {
  struct World {
    Blocks blocks{2};
    std::array<int, 2> payloads{};
  };
  Explorer explorer(options);
  return explorer.run([&explorer] {
    auto world = std::make_shared<World>();
    const auto take = [=, &explorer](int whose) {
      const std::uint32_t block = world->blocks.take();
      if (block == Blocks::none) return block;
      explorer.write_plain(&world->payloads[block]);
      world->payloads[block] = whose;
      return block;
    };
    const auto let_go = [=, &explorer](std::uint32_t block, int whose) {
      if (block == Blocks::none) return;
      explorer.read_plain(&world->payloads[block]);
      explorer.check(world->payloads[block] == whose, "two have one block");
      explorer.check(world->blocks.drop(block, 1), "somebody else refers to it");
      world->blocks.give_back(block);
    };
    return std::vector<std::function<void()>>{[=] {
                                                const std::uint32_t one = take(1), two = take(1);
                                                let_go(one, 1);
                                                let_go(two, 1);
                                                let_go(take(1), 1);
                                              },
                                              [=] { let_go(take(2), 2); }};
  });
}
const model::Program stack_program(explore_stack);

TEST(PayloadBlocksModel, NobodyWritesWhatSomebodyMayReadInEveryInterleaving) {
  const std::uint64_t executions = explore_payload({.preemptions = 3});
  RecordProperty("executions", static_cast<int>(executions));
  EXPECT_GT(executions, 1000u);
}

TEST(PayloadBlocksModel, ABlockHasOneWhoTookIt) { EXPECT_GT(explore_stack({.preemptions = 3}), 1000u); }

TEST(PayloadBlocksModel, WeakerOrderingsAreNoticed) {
  EXPECT_THROW((void)explore_payload({.preemptions = 2, .weak_loads = true}), Violation);
  EXPECT_THROW((void)explore_payload({.preemptions = 2, .weak_stores = true}), Violation);
  EXPECT_THROW((void)explore_stack({.preemptions = 2, .plain_modifications = true}), Violation);
}

/// Two use something, and a third for a while; each of the two writes a place of its own there; the last one ends it.
std::uint64_t explore_users(const Explorer::Options& options) {
  Explorer explorer(options);
  return explorer.run([&explorer] {
    struct World {
      BasicUsers<model::Atomics> users{2};
      std::array<int, 2> places{};
    };
    auto world = std::make_shared<World>();
    const auto leave = [=, &explorer](std::size_t which) {
      explorer.write_plain(&world->places[which]);
      if (world->users.leave())
        for (const int& place : world->places) explorer.write_plain(&place);
    };
    return std::vector<std::function<void()>>{[=, &explorer] {
                                                world->users.join();  // for a while
                                                explorer.check(!world->users.leave(), "two more use it");
                                                leave(0);
                                              },
                                              [=] { leave(1); }};
  });
}

const model::Program users_program([](const Explorer::Options& options) { return explore_users(options); });

TEST(PayloadUsersModel, TheLastOneFindsAllThatTheOthersDid) { EXPECT_GT(explore_users({.preemptions = 4}), 10u); }

}  // namespace
}  // namespace sidestep
