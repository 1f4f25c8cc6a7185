#include <sidestep/trainer/backend.hpp>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>
#include <sidestep/kernels/cpu/session.hpp>
#include <sidestep/kernels/cuda_backend.hpp>
#include <sidestep/trainer/control/nearest.hpp>

namespace sidestep {
namespace {

kernels::Optimizer optimizer_named(std::string_view name) {
  if (name == "adamw") return kernels::AdamW{};
  if (name == "sgd") return kernels::Sgd{};
  constexpr std::array<std::string_view, 2> names{"adamw", "sgd"};
  throw std::invalid_argument(fmt::format("unknown optimizer '{}'. {}", name, did_you_mean(name, names)));
}

constexpr std::array<std::string_view, 4> names{"auto", "cpu", "cuda", "cuda-emulated"};

}  // namespace

std::span<const std::string_view> backend_names() { return names; }

std::string resolve_backend(std::string_view backend) {
  if (backend == "auto") return kernels::cuda_status("cuda").ready() ? "cuda" : "cpu";
  if (std::ranges::find(names, backend) != names.end()) return std::string(backend);
  throw std::invalid_argument(fmt::format("unknown backend '{}'. {}", backend, did_you_mean(backend, names)));
}

int resolve_threads(std::optional<int> threads) {
  return threads.value_or(std::max(1, static_cast<int>(std::thread::hardware_concurrency())));
}

std::unique_ptr<kernels::Session> make_session(const kernels::NetworkSpec& network, const BackendOptions& options) {
  const std::string backend = resolve_backend(options.backend);
  if (backend == "cpu" && options.tf32)
    throw std::invalid_argument("tf32 is for devices; leave it out with the backend 'cpu', or take 'cuda'.");
  if (backend == "cpu")
    return kernels::make_cpu_session(network, {.optimizer = optimizer_named(options.optimizer),
                                               .seed = options.seed,
                                               .threads = resolve_threads(options.threads)});
  return kernels::make_cuda_session(network, {.name = backend,
                                              .optimizer = optimizer_named(options.optimizer),
                                              .seed = options.seed,
                                              .run_ahead = options.run_ahead,
                                              .tf32 = options.tf32,
                                              .algorithms = options.algorithms});
}

std::string algorithms_of(const kernels::Session& session) { return kernels::cuda_algorithms(session); }

}  // namespace sidestep
