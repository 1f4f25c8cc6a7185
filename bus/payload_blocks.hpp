#pragma once

#include <sidestep/bus/atomics.hpp>
#include <sidestep/bus/types.hpp>

#include <cstdint>
#include <vector>

namespace sidestep {

/// How many use something that the last of them ends.
template <class Atomics = StdAtomics>
class BasicUsers {
 public:
  explicit BasicUsers(std::uint32_t count) noexcept : count_(count) {}
  void join() noexcept {
    // relaxed: who lets another in is one of them
    Atomics::add(count_, std::uint32_t{1}, std::memory_order_relaxed);
  }
  /// True: the caller was the last, and finds all that the others did.
  // pairs with itself
  bool leave() noexcept { return Atomics::add(count_, ~std::uint32_t{0}, std::memory_order_acq_rel) == 1; }
  // relaxed: a number to be shown
  std::uint32_t count() const noexcept { return Atomics::load(count_, std::memory_order_relaxed); }

 private:
  std::uint32_t count_;
};

/// Which blocks of a pool are free, and how many refer to each of the others. Any thread, without a lock.
/// Free ones are a stack of numbers (Treiber, 1986) whose top carries a count of its changes, so that one which was
/// taken and given back meanwhile isn't mistaken for itself. A block's word is its generation and its count: a
/// reference of an earlier generation finds out that it is late.
template <class Atomics = StdAtomics>
class BasicPayloadBlocks {
 public:
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  explicit BasicPayloadBlocks(std::uint32_t count) : blocks_(count), top_(count > 0 ? 1 : 0) {
    for (std::uint32_t i = 0; i + 1 < count; ++i) blocks_[i].below = i + 2;
  }

  std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(blocks_.size()); }

  /// A block with one reference to it, the caller's; none: all are in use.
  std::uint32_t take() noexcept {
    for (;;) {
      // acquire: pairs with the release in give_back(); what others did with the block is over, and `below` is what
      // they left
      std::uint64_t top = Atomics::load(top_, std::memory_order_acquire);
      const auto number = static_cast<std::uint32_t>(top);
      if (number == 0) return none;
      Block& block = blocks_[number - 1];
      const std::uint64_t below =
          Atomics::load(block.below, std::memory_order_relaxed);  // if it is old, the count of `top` is too
      // relaxed: `top` is what was acquired
      if (!Atomics::compare_exchange(top_, top, changed(top) | below, std::memory_order_relaxed)) continue;
      // relaxed, both: nobody else has it; who has a late reference finds another generation or a count of 0
      const std::uint64_t generation = (Atomics::load(block.word, std::memory_order_relaxed) >> 32) + 1;
      Atomics::store(block.word, generation << 32 | 1, std::memory_order_relaxed);
      return number - 1;
    }
  }
  /// Of a block that the caller has.
  std::uint32_t generation(std::uint32_t block) const noexcept {
    return static_cast<std::uint32_t>(Atomics::load(blocks_[block].word, std::memory_order_relaxed) >> 32);
  }
  /// As many references more, for one who has one.
  void add(std::uint32_t block, std::uint32_t references) noexcept {
    // relaxed: his own keeps it
    Atomics::add(blocks_[block].word, std::uint64_t{references}, std::memory_order_relaxed);
  }
  /// The same for one who may come too late. False: he does.
  bool hold(std::uint32_t block, std::uint32_t generation, std::uint32_t references) noexcept {
    std::uint64_t word = Atomics::load(blocks_[block].word, std::memory_order_relaxed);
    while (word >> 32 == generation && static_cast<std::uint32_t>(word) != 0)
      // relaxed: that the block isn't free is all that it says; the payload came the way on which the reference came
      if (Atomics::compare_exchange(blocks_[block].word, word, word + references, std::memory_order_relaxed))
        return true;
    return false;
  }
  /// True: nobody refers to it any more, so the caller, who did, gives it back next.
  bool drop(std::uint32_t block, std::uint32_t references) noexcept {
    // acq_rel: the others' reads, which are before their own drop, are before whatever is written there next
    const std::uint64_t before =
        Atomics::add(blocks_[block].word, ~std::uint64_t{references} + 1, std::memory_order_acq_rel);
    return static_cast<std::uint32_t>(before) == references;
  }
  void give_back(std::uint32_t block) noexcept {
    std::uint64_t top = Atomics::load(top_, std::memory_order_relaxed);
    do Atomics::store(blocks_[block].below, static_cast<std::uint32_t>(top), std::memory_order_relaxed);
    // release: pairs with the acquire in take()
    while (!Atomics::compare_exchange(top_, top, changed(top) | (block + 1), std::memory_order_release));
  }

 private:
  /// The upper half of a new top.
  static std::uint64_t changed(std::uint64_t top) noexcept { return ((top >> 32) + 1) << 32; }

  struct alignas(cache_line) Block {
    std::uint64_t word = 0;   ///< generation, and in the lower half how many refer to it
    std::uint32_t below = 0;  ///< in the stack: one more than the number of the next; 0: it is the last
  };
  std::vector<Block> blocks_;
  alignas(no_sharing) std::uint64_t top_;  ///< how often it has changed, and in the lower half as `below`
};

}  // namespace sidestep
