#include <sidestep/trainer/resume_point.hpp>

#include <algorithm>
#include <fstream>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sidestep/trainer/backend.hpp>
#include <sidestep/trainer/control/safetensors.hpp>

namespace sidestep::detail {
namespace {

using kernels::Contents;

Step batches_of(const TrainerParts& parts) {
  const auto size = static_cast<std::size_t>(parts.options.batch_size);
  return static_cast<Step>((parts.train_samples.count() + size - 1) / size);
}

template <class Value>
void same(const std::string& where, const char* what, const Value& there, const Value& here) {
  if (there != here)
    throw CheckpointError(
        fmt::format("{}: belongs to a run with {} {}, this one has {}. Go on with the same, or start "
                    "afresh in another folder.",
                    where, what, there, here));
}

void check_identity(const std::string& where, const RunIdentity& there, const RunIdentity& here) {
  same(where, "model", there.model, here.model);
  same(where, "optimizer", there.optimizer, here.optimizer);
  same(where, "seed", there.seed, here.seed);
  same(where, "batch size", there.batch_size, here.batch_size);
  same(where, "this many training samples:", there.train_samples, here.train_samples);
  same(where, "learning rate", there.lr, here.lr);
  same(where, "schedule", there.schedule, here.schedule);
}

/// Of the same model: then the data isn't what it was.
void check_image_size(const kernels::Session& session, const TensorSource& source, const Samples& images) {
  const kernels::TensorInfo* const other = weight_of_another_shape(session, source.file);
  if (other == nullptr) return;
  throw CheckpointError(fmt::format(
      "{}: tensor '{}' is {} here, and {} in model '{}' on images of {}x{}. Go on with the model, and images "
      "of the size, that wrote it, or start afresh.",
      source.where, other->name, fmt::join(source.file.tensor(other->name).shape, "x"), fmt::join(other->shape, "x"),
      source.model, images.height, images.width));
}

/// Wall times of epochs that the checkpoint knows.
void add_wall_times(std::vector<EpochResult>& rows, const std::vector<EpochResult>& reported) {
  for (EpochResult& row : rows) {
    const auto same_epoch = std::ranges::find_if(
        reported, [&](const EpochResult& each) { return each.epoch == row.epoch && !each.partial; });
    if (same_epoch == reported.end()) continue;
    row.seconds = same_epoch->seconds;
    row.samples = same_epoch->samples;
  }
}

/// What stands behind `name=` in a list of algorithms; empty where it names none.
std::string_view entry_of(std::string_view algorithms, std::string_view name) {
  while (!algorithms.empty()) {
    const auto entry = algorithms.substr(0, algorithms.find(' '));
    algorithms.remove_prefix(std::min(entry.size() + 1, algorithms.size()));
    if (entry.starts_with(name) && entry.substr(name.size()).starts_with('=')) return entry.substr(name.size() + 1);
  }
  return {};
}

ResumePoint load(TrainerParts& parts, const std::filesystem::path& path, const std::filesystem::path& report) {
  const std::string where = path.string();
  const SafetensorsFile file = SafetensorsFile::read(path);
  ResumePoint point;
  point.file = path;
  point.state = TrainerState::from_text(file.text(trainer_key), where);
  point.checkpoint = CheckpointState::from_text(file.text(checkpoint_key), where);
  check_identity(where, point.state.run, parts.identity());
  if (!point.state.algorithms.empty() && point.state.algorithms != algorithms_of(*parts.session)) {
    parts.make_session(point.state.algorithms);
    parts.attach_data(parts.pixels);
  }
  kernels::Session& session = *parts.session;
  const std::string here = algorithms_of(session);
  const std::string_view then = entry_of(point.state.algorithms, "cublaslt"), now = entry_of(here, "cublaslt");
  if (!then.empty() && !now.empty() && then != now)
    point.warnings.push_back(
        fmt::format("{} was written with cuBLASLt {} and goes on with {}: dense layers may differ in their last bits.",
                    where, then, now));
  const auto source = [&](std::string prefix) {
    return TensorSource{file, where, parts.model.name, std::move(prefix)};
  };
  check_image_size(session, source(""), parts.train_samples);
  check_tensors(session, source(""), Contents::everything);
  for (const auto& [owner, step] : point.state.kept)
    check_tensors(session, source(kept_prefix(owner)), Contents::weights);

  for (const auto& [owner, step] : point.state.kept) {
    load_tensors(session, source(kept_prefix(owner)), Contents::weights);
    point.kept[owner] = {step, session.snapshot(Contents::weights)};
  }
  load_tensors(session, source(""), Contents::everything);
  if (point.state.pixels.mean != parts.pixels.mean || point.state.pixels.deviation != parts.pixels.deviation)
    parts.attach_data(point.state.pixels);
  const std::vector<EpochResult> reported = read_epochs(report);
  add_wall_times(point.state.epochs, reported);
  const auto under_way = std::ranges::find_if(reported, [&](const EpochResult& row) {
    return row.partial && row.step == point.state.step && row.epoch == point.state.epoch;
  });
  if (under_way != reported.end()) point.seconds_under_way = under_way->seconds;
  return point;
}

struct OtherCheckpoint {
  Step step = 0;
  RunIdentity run;
  std::filesystem::path path;
};

/// All that look like whole checkpoints, the newest first; the others each leave a sentence.
std::vector<OtherCheckpoint> others_in(const std::filesystem::path& folder, std::vector<std::string>& passed_over) {
  std::vector<OtherCheckpoint> found;
  std::error_code failed;
  for (std::filesystem::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    std::error_code unknown;
    const std::string name = at->path().filename().string();
    if (name.starts_with('.') || !at->is_regular_file(unknown)) continue;  // what a killed writer has left
    try {
      const SafetensorsFile file = SafetensorsFile::read(at->path());
      const TrainerState state = TrainerState::from_text(file.text(trainer_key), at->path().string());
      found.push_back({state.step, state.run, at->path()});
    } catch (const CheckpointError& error) {
      passed_over.push_back(fmt::format("{} It was passed over.", error.what()));
    }
  }
  // of one step: always the same
  std::ranges::sort(found, [](const OtherCheckpoint& a, const OtherCheckpoint& b) {
    return a.step != b.step ? a.step > b.step : a.path < b.path;
  });
  std::ranges::sort(passed_over);
  return found;
}

/// What is there may be read, and isn't what was written.
bool is_damaged(const std::filesystem::path& file) {
  std::error_code failed;
  if (!std::filesystem::is_regular_file(file, failed))
    return !failed || failed == std::errc::too_many_symbolic_link_levels;
  if (!std::ifstream(file)) return false;
  try {
    static_cast<void>(SafetensorsFile::read(file));
    return false;
  } catch (const CheckpointError&) {
    return true;
  }
}

/// What comes of it if the damaged `last` is deleted: `why` without its own mend, and where the run would go on.
std::string mend_of_damage(const std::string& why, const std::filesystem::path& last, const RunIdentity& run) {
  const std::string what = why.substr(0, why.rfind(". "));
  std::vector<std::string> ignored;
  for (const OtherCheckpoint& one : others_in(last.parent_path(), ignored))
    if (one.run == run)
      return fmt::format("{}. Delete it, and resuming goes on from {}, step {}.", what, one.path.string(), one.step);
  return fmt::format("{}. Delete it, and resuming begins at the first step: there is no other of this run.", what);
}

/// Whether it is there. Throws CheckpointError where that can't be told.
bool is_there(const std::filesystem::path& last, const RunIdentity& run) {
  std::error_code failed;
  const bool found = std::filesystem::exists(last, failed);
  if (failed == std::errc::permission_denied)
    throw CheckpointError(fmt::format("{}: can't be read. Check its permissions.", last.string()));
  if (failed && failed != std::errc::too_many_symbolic_link_levels)  // it may pass
    throw CheckpointError(fmt::format("{}: can't be read ({}). Try again.", last.string(), failed.message()));
  if (failed)
    throw CheckpointError(
        mend_of_damage(fmt::format("{}: can't be read ({}). ", last.string(), failed.message()), last, run));
  return found;
}

/// A schedule that ends before the run does trains with a rate of 0 from there on: nobody wants that unknowingly.
ResumePoint warned(const TrainerParts& parts, ResumePoint point) {
  const Step in_all = static_cast<Step>(parts.options.epochs) * batches_of(parts);
  const Step last = std::min(in_all, parts.options.max_steps.value_or(in_all));
  if (point.state.step < last && point.state.learning_rate.at(last) == 0 && point.state.learning_rate.at(last - 1) == 0)
    point.warnings.push_back(
        fmt::format("The learning-rate schedule ends before step {}, where this run is to end, and is 0 from then on: "
                    "it was made for the epochs first "
                    "asked for, and stays. Training goes on without learning anything; begin a new run with all "
                    "epochs, or one with a constant schedule.",
                    last));
  return point;
}

}  // namespace

ResumePoint begin_or_resume(TrainerParts& parts, const FitOptions& where) {
  while (parts.session->in_flight() > 0) static_cast<void>(parts.session->wait());  // of a run that broke off
  const std::filesystem::path last = where.out / "checkpoints" / "last.safetensors";
  const std::filesystem::path report = where.out / "report.json";
  std::vector<std::string> passed_over;
  if (where.resume) {
    if (is_there(last, parts.identity())) try {
        return warned(parts, load(parts, last, report));
      } catch (const CheckpointError& error) {
        if (!is_damaged(last)) throw;
        throw CheckpointError(mend_of_damage(error.what(), last, parts.identity()));
      }
    for (const OtherCheckpoint& one : others_in(last.parent_path(), passed_over)) {
      check_identity(one.path.string(), one.run, parts.identity());  // never passed over: the run would begin anew
      try {
        ResumePoint point = load(parts, one.path, report);
        point.warnings.insert(point.warnings.end(), passed_over.begin(), passed_over.end());
        return warned(parts, std::move(point));
      } catch (const CheckpointError& error) {
        passed_over.push_back(fmt::format("{} It was passed over.", error.what()));
      }
    }
  }
  parts.session->initialise(parts.options.seed);
  ResumePoint point;
  point.warnings = std::move(passed_over);
  point.state.run = parts.identity();
  point.state.pixels = parts.pixels;
  point.state.learning_rate.schedule =
      make_schedule(parts.options.schedule, parts.options.lr, batches_of(parts), parts.options.epochs);
  return point;
}

}  // namespace sidestep::detail
