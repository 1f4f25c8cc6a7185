#pragma once
#include <filesystem>
#include <stdexcept>

namespace sidestep {

/// What a new run would overwrite: its folder holds an earlier one. what() says where, and the mend.
struct EarlierRunError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

namespace detail {

/// Throws EarlierRunError if there is a report.json in `out`, or a checkpoint of such a run.
void refuse_earlier_run(const std::filesystem::path& out);
/// Removes its whole checkpoints and its report.json, so that nobody goes on from them: what else it has left is
/// overwritten as it comes. Throws FileError if one of them stays.
void remove_earlier_run(const std::filesystem::path& out);

}  // namespace detail
}  // namespace sidestep
