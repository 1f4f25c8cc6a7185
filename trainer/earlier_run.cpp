#include <sidestep/trainer/earlier_run.hpp>

#include <string>
#include <vector>

#include <fmt/format.h>
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

}  // namespace

void refuse_earlier_run(const fs::path& out) {
  std::error_code ignored;
  for (const char* const file : {"report.json", "checkpoints/last.safetensors"})
    if (fs::exists(out / file, ignored))
      throw EarlierRunError(fmt::format("{}: holds a run already ({} is there). Go on with it with .resume = true, begin anew in its place "
                                        "with .overwrite = true, or choose another folder.",
                                        out.string(), file));
}

void remove_earlier_run(const fs::path& out) {
  std::vector<fs::path> gone{out / "report.json"};
  std::error_code failed;
  for (fs::directory_iterator at(out / "checkpoints", failed), end; !failed && at != end; at.increment(failed)) {
    std::error_code unknown;
    if (at->is_regular_file(unknown) && is_trainers(at->path())) gone.push_back(at->path());
  }
  std::error_code ignored;  // who can't remove it can't replace it either, and is told then
  for (const fs::path& file : gone) fs::remove(file, ignored);
}

}  // namespace sidestep::detail
