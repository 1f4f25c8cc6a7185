#include <sidestep/trainer/resume_point.hpp>

#include <algorithm>

#include <fmt/format.h>
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

ResumePoint load(TrainerParts& parts, const std::filesystem::path& path, const std::filesystem::path& report) {
  const std::string where = path.string();
  const SafetensorsFile file = SafetensorsFile::read(path);
  ResumePoint point;
  point.state = TrainerState::from_text(file.text(trainer_key), where);
  point.checkpoint = CheckpointState::from_text(file.text(checkpoint_key), where);
  check_identity(where, point.state.run, parts.identity());
  if (!point.state.algorithms.empty() && point.state.algorithms != algorithms_of(*parts.session)) {
    parts.make_session(point.state.algorithms);
    parts.attach_data(parts.pixels);
  }
  kernels::Session& session = *parts.session;
  const auto source = [&](std::string prefix) {
    return TensorSource{file, where, parts.model.name, std::move(prefix)};
  };
  const auto kept_prefix = [](const std::string& owner) { return fmt::format("kept/{}/", owner); };
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

}  // namespace

ResumePoint begin_or_resume(TrainerParts& parts, const FitOptions& where) {
  while (parts.session->in_flight() > 0) static_cast<void>(parts.session->wait());  // of a run that broke off
  const std::filesystem::path last = where.out / "checkpoints" / "last.safetensors";
  if (where.resume && std::filesystem::exists(last)) return load(parts, last, where.out / "report.json");
  parts.session->initialise(parts.options.seed);
  ResumePoint point;
  point.state.run = parts.identity();
  point.state.pixels = parts.pixels;
  point.state.learning_rate.schedule =
      make_schedule(parts.options.schedule, parts.options.lr, batches_of(parts), parts.options.epochs);
  return point;
}

}  // namespace sidestep::detail
