#include <sidestep/trainer/earlier_run.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <sidestep/trainer/control/atomic_file.hpp>
#include <sidestep/trainer/control/safetensors.hpp>
#include <sidestep/trainer/trainer_state.hpp>

namespace sidestep::detail {
namespace {

namespace fs = std::filesystem;

bool is_trainers(const fs::path& file) {
  try {
    return !SafetensorsFile::read(file).text(trainer_key).empty();
  } catch (const CheckpointError&) {
    return false;
  }
}

/// The checkpoints of a run in `out`, the last one behind the others.
std::vector<fs::path> checkpoints_of(const fs::path& out) {
  std::vector<fs::path> found;
  std::error_code failed;
  for (fs::directory_iterator at(out / "checkpoints", failed), end; !failed && at != end; at.increment(failed)) {
    std::error_code unknown;
    if (at->is_regular_file(unknown) && is_trainers(at->path())) found.push_back(at->path());
  }
  std::stable_partition(found.begin(), found.end(),
                        [](const fs::path& file) { return file.filename() != "last.safetensors"; });
  return found;
}

}  // namespace

void refuse_earlier_run(const fs::path& out) {
  std::vector<fs::path> of_it = checkpoints_of(out);
  of_it.insert(of_it.begin(), {out / "report.json", out / "checkpoints/last.safetensors"});
  std::error_code ignored;
  for (const fs::path& file : of_it)
    if (fs::exists(file, ignored))
      throw EarlierRunError(fmt::format(
          "{}: holds a run already ({} is there). Go on with it with .resume = true, begin anew in its place "
          "with .overwrite = true, or choose another folder.",
          out.string(), file.lexically_relative(out).string()));
}

void remove_earlier_run(const fs::path& out) {
  std::vector<fs::path> gone = checkpoints_of(out);
  gone.push_back(out / "report.json");  // behind them: whoever is killed in between still finds that a run is here
  for (const fs::path& file : gone) {
    std::error_code failed;
    fs::remove(file, failed);
    if (failed) throw FileError(file, "be removed", failed.value());
  }
}

}  // namespace sidestep::detail
