#include <sidestep/trainer/backend.hpp>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>
#include <sidestep/kernels/cpu/session.hpp>
#include <sidestep/trainer/control/nearest.hpp>

namespace sidestep {
namespace {

kernels::Optimizer optimizer_named(std::string_view name) {
  if (name == "adamw") return kernels::AdamW{};
  if (name == "sgd") return kernels::Sgd{};
  constexpr std::array<std::string_view, 2> names{"adamw", "sgd"};
  throw std::invalid_argument(fmt::format("unknown optimizer '{}'. {}", name, did_you_mean(name, names)));
}

}  // namespace

std::string resolve_backend(std::string_view backend) {
  if (backend == "auto" || backend == "cpu") return "cpu";
  constexpr std::array<std::string_view, 2> names{"auto", "cpu"};
  throw std::invalid_argument(fmt::format("unknown backend '{}'. {}", backend, did_you_mean(backend, names)));
}

int resolve_threads(std::optional<int> threads) {
  return threads.value_or(std::max(1, static_cast<int>(std::thread::hardware_concurrency())));
}

std::unique_ptr<kernels::Session> make_session(const kernels::NetworkSpec& network, const BackendOptions& options) {
  static_cast<void>(resolve_backend(options.backend));
  return kernels::make_cpu_session(network, {.optimizer = optimizer_named(options.optimizer),
                                             .seed = options.seed,
                                             .threads = resolve_threads(options.threads)});
}

}  // namespace sidestep
