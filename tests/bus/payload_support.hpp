#pragma once

#include <sidestep/bus.hpp>

#include <functional>
#include <numeric>
#include <utility>

namespace sidestep::testing_support {

/// An event with a payload.
struct Image {
  static constexpr EventId id = first_user_event + 320;
  static constexpr std::string_view name = "Image";
  static constexpr bool self_contained = true;  // beside its payload
  Step step = 0;
  PayloadRef payload{};
  void fields(auto&& field) const { field("step", step), field("bytes", payload); }
};

inline constexpr std::size_t numbers = 100;
inline const PayloadPoolOptions four{
    .bytes = 4 * numbers * sizeof(std::int64_t), .largest = numbers * sizeof(std::int64_t), .while_waiting = {}};

inline PayloadPoolOptions four_and(std::function<void()> while_waiting) {
  PayloadPoolOptions options = four;
  options.while_waiting = std::move(while_waiting);
  return options;
}

inline Payload of_step(PayloadPool& pool, Step step) {
  PayloadDraft draft = pool.take(numbers * sizeof(std::int64_t));
  std::iota(draft.as<std::int64_t>().begin(), draft.as<std::int64_t>().end(), step * 1000);
  return std::move(draft).freeze();
}
inline void publish(Producer& producer, PayloadPool& pool, Step step) {
  const Payload payload = of_step(pool, step);
  producer.publish(Image{.step = step, .payload = payload});
}
inline bool whole(const Payload& payload, Step step) {
  const auto values = payload.as<std::int64_t>();
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i] != step * 1000 + static_cast<std::int64_t>(i)) return false;
  return values.size() == numbers;
}
inline bool whole(const Image& image) { return whole(image.payload.hold(), image.step); }

}  // namespace sidestep::testing_support
