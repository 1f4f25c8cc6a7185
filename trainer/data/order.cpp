#include <sidestep/trainer/data/order.hpp>

#include <numeric>
#include <utility>

#include <sidestep/trainer/data/random_stream.hpp>

namespace sidestep {

void epoch_order(OrderKey key, std::span<std::uint32_t> order) {
  std::iota(order.begin(), order.end(), std::uint32_t{0});
  RandomStream random(key.seed, Purpose::data_order, key.epoch);
  for (std::size_t left = order.size(); left > 1; --left)
    std::swap(order[left - 1], order[random.below(static_cast<std::uint32_t>(left))]);
}

std::vector<std::uint32_t> epoch_order(OrderKey key, std::uint32_t count) {
  std::vector<std::uint32_t> order(count);
  epoch_order(key, order);
  return order;
}

}  // namespace sidestep
