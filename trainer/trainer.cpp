#include <sidestep/trainer/trainer.hpp>

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <sidestep/trainer/backend.hpp>
#include <sidestep/trainer/fit.hpp>
#include <sidestep/trainer/resume_point.hpp>
#include <sidestep/trainer/trainer_parts.hpp>

namespace sidestep {
namespace detail {
namespace {

Samples limited(const Samples& samples, std::optional<std::int64_t> limit) {
  return limit ? samples.first(static_cast<std::size_t>(std::max<std::int64_t>(*limit, 0))) : samples;
}

void check(const TrainerOptions& options) {
  const auto at_least_one = [](std::string_view name, std::int64_t value) {
    if (value < 1) throw std::invalid_argument(fmt::format("{} = {}: must be 1 or more.", name, value));
  };
  at_least_one("epochs", options.epochs);
  at_least_one("batch_size", options.batch_size);
  at_least_one("max_steps", options.max_steps.value_or(1));
  at_least_one("limit_train", options.limit_train.value_or(1));
  at_least_one("threads", options.threads.value_or(1));
  at_least_one("run_ahead", options.run_ahead + 1);
  if (!(options.lr > 0 && options.lr <= 1000))
    throw std::invalid_argument(fmt::format("lr = {}: must be above 0, at most 1000.", options.lr));
}

/// No step would have as many samples as were asked for. (The default was asked for by nobody: little data is one
/// batch.)
void check_batch_size(std::int64_t batch_size, std::size_t samples) {
  if (samples > 0 && static_cast<std::size_t>(batch_size) > samples && batch_size != TrainerOptions{}.batch_size)
    throw std::invalid_argument(fmt::format(
        "batch_size = {}: is larger than the {} samples that train. Say {} or less.", batch_size, samples, samples));
}

}  // namespace

TrainerParts::TrainerParts(Model made, Dataset samples, TrainerOptions wanted)
    : model(std::move(made)),
      data(std::move(samples)),
      options((check(wanted), std::move(wanted))),
      backend(resolve_backend(options.backend)),
      threads(resolve_threads(options.threads)),
      run_ahead(static_cast<std::size_t>(
          options.sync && !options.sync->relaxed() ? options.sync->k : static_cast<int>(options.run_ahead))),
      train_samples(limited(data.train(), options.limit_train)) {
  check_batch_size(options.batch_size, train_samples.count());
  make_session({});
  attach_data(data.statistics());
}

void TrainerParts::make_session(const std::string& algorithms) {
  session.reset();  // its memory first
  session = sidestep::make_session(model.network({data.train().channels, data.train().height, data.train().width}),
                                   {.backend = backend,
                                    .optimizer = options.optimizer,
                                    .seed = options.seed,
                                    .threads = options.threads,
                                    .tf32 = options.tf32,
                                    .run_ahead = run_ahead,
                                    .algorithms = algorithms});
}

void TrainerParts::attach_data(PixelStatistics statistics) {
  pixels = statistics;
  const auto known = [&](const Samples& samples) {
    return session->attach({.images = samples.images.data(),
                            .labels = samples.labels.data(),
                            .count = samples.count(),
                            .mean = statistics.mean,
                            .deviation = statistics.deviation});
  };
  train = known(train_samples);
  validation = known(data.validation());
  test = known(data.test());
  const auto batch = std::min(static_cast<std::size_t>(options.batch_size), train_samples.count());
  session->prepare(train, batch);
  // an epoch's last batch
  if (batch > 0 && train_samples.count() % batch != 0) session->prepare(train, train_samples.count() % batch);
}

Score TrainerParts::score(kernels::DataId samples, std::size_t count) const {
  const kernels::Evaluation result = session->evaluate(samples, 0, count);
  return {result.loss, result.accuracy()};
}

RunIdentity TrainerParts::identity() const {
  return {.model = model.name,
          .optimizer = options.optimizer,
          .seed = options.seed,
          .batch_size = options.batch_size,
          .train_samples = static_cast<std::int64_t>(train_samples.count()),
          .lr = options.lr,
          .schedule = options.schedule.text()};
}

void add_handler(TrainerParts& parts, std::function<void(Loop&)> add) { parts.handlers.push_back(std::move(add)); }

}  // namespace detail

Trainer::Trainer(Model model, Dataset data, TrainerOptions options)
    : parts_(std::make_unique<detail::TrainerParts>(std::move(model), std::move(data), std::move(options))) {}
Trainer::Trainer(Trainer&&) noexcept = default;
Trainer& Trainer::operator=(Trainer&&) noexcept = default;
Trainer::~Trainer() = default;

TrainingReport Trainer::fit(Bus& bus, Control& control, std::span<const Callback> callbacks,
                            const FitOptions& options) {
  return detail::fit(*parts_, bus, control, callbacks, options);
}

Step Trainer::check_resume(const FitOptions& options) { return detail::begin_or_resume(*parts_, options).state.step; }

Score Trainer::test() { return parts_->score(parts_->test, parts_->data.test().count()); }

const TrainerOptions& Trainer::options() const noexcept { return parts_->options; }
const Model& Trainer::model() const noexcept { return parts_->model; }
std::string Trainer::backend() const { return parts_->backend; }
std::string Trainer::description() const { return parts_->session->description(); }
int Trainer::threads() const noexcept { return parts_->threads; }

}  // namespace sidestep
