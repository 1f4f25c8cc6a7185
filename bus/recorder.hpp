#pragma once

#include <sidestep/bus/event.hpp>
#include <sidestep/bus/log_writer.hpp>
#include <sidestep/bus/pipeline.hpp>
#include <sidestep/bus/recording.hpp>

#include <array>

namespace sidestep {

class Dispatcher;

/// The pipeline behind Bus::record. On the dispatcher it copies events into a block, and describes what is new to the
/// log before its first use; the rest is the writer's, on a thread of its own.
class Recorder final : public Pipeline {
 public:
  /// Begins the log and writes its first block. Throws LogError.
  Recorder(std::shared_ptr<LogWriter> writer, std::shared_ptr<QueueAccount> account, const RecordOptions& options,
           std::weak_ptr<Dispatcher> bus, std::chrono::nanoseconds deadline);

  void bind(Subscription& subscription) override;
  std::size_t run(std::span<const Slot> slots) noexcept override;
  void mark(const Mark& mark) noexcept override;
  void hurry() noexcept override;
  bool over() const noexcept override { return stopped_; }
  bool wants_ticks() const noexcept override { return true; }
  std::vector<std::string> describe() const override { return {"record"}; }

 private:
  static constexpr std::size_t most_names = 10;  // a body has 40 bytes
  struct Known {
    bool described = false;
    std::int8_t step_at = -1;
    std::uint8_t names = 0;
    std::array<std::uint8_t, most_names> name_at{};
  };

  void add(const Slot& slot);
  void know(const LoggedType& type);
  void describe(const Slot& slot);
  void define_name(std::uint32_t id);
  void define_ring(std::uint32_t id);
  void define(const std::vector<std::byte>& record);
  template <class Work>
  void guarded(Work&& work) noexcept;
  void next_block(bool is_last = false);
  void hand_over(bool at_once);
  LogBlock& fresh();
  void stop() noexcept;

  const std::shared_ptr<LogWriter> writer_;
  const Nanoseconds interval_, patience_;
  const std::weak_ptr<Dispatcher> bus_;
  Subscription* to_ = nullptr;
  const std::shared_ptr<QueueAccount> account_;  // of blocks: each is a mark, done when it is written or given up
  LogBlockFiller filler_;
  std::array<Known, event_ids> known_{};
  std::vector<bool> named_, ring_known_;  // by id
  std::uint32_t last_ring_ = ~std::uint32_t{0};
  Nanoseconds due_ = 0;    // the block that isn't full goes then; 0: there is none
  std::uint64_t put_ = 0;  // blocks
  bool stopped_ = false;
};

}  // namespace sidestep
