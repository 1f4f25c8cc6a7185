#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sidestep/kernels/session.hpp>

namespace sidestep {

/// What a session is made for.
struct BackendOptions {
  std::string backend = "auto";     ///< "auto" takes the fastest that this machine has
  std::string optimizer = "adamw";  ///< or "sgd"
  std::uint64_t seed = 1;           ///< of the first weights
  std::optional<int> threads{};     ///< nothing: as many as the machine has
  bool tf32 = false;                ///< a device's products may be rounded to TF32; refused on the CPU
  std::size_t run_ahead = 2;        ///< steps that a device may be behind its host
  std::string algorithms{};         ///< of an earlier session of a device, see algorithms_of
};

/// All of them, "auto" too.
std::span<const std::string_view> backend_names();
/// The name behind "auto" on this machine; any other as it is. Throws std::invalid_argument for an unknown one.
std::string resolve_backend(std::string_view backend);
/// How many threads train.
int resolve_threads(std::optional<int> threads);

/// A network with fresh weights. Throws std::invalid_argument for an unknown backend or optimizer, kernels::Error.
std::unique_ptr<kernels::Session> make_session(const kernels::NetworkSpec& network, const BackendOptions& options);

/// Which algorithms a device's session has chosen, for the checkpoint; empty where there was nothing to choose.
std::string algorithms_of(const kernels::Session& session);

}  // namespace sidestep
