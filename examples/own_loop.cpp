// A training loop and a model of your own, with Sidestep's bus, operators, decisions and callbacks, and none of its
// kernels.
//
// A small detector looks for a pulse in noise. After each epoch it publishes its average precision as `val/mAP`;
// model_checkpoint saves it when that improves, in a file format of this program's own; early_stopping ends the run.
// Killed at any moment and started again with --resume, it goes on from the last checkpoint with the patience it had.
//
//   own_loop DIR [--resume] [--epochs N]
#include <sidestep/callbacks.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <numeric>
#include <random>
#include <vector>

using namespace sidestep;

namespace {

constexpr int width = 32, batch_size = 32, train_size = 4096, val_size = 1024;
constexpr Step batches = train_size / batch_size;

struct Example {
  std::array<float, width> signal;
  bool pulse;
};

std::vector<Example> examples(int count, unsigned seed) {
  std::mt19937 random(seed);
  const auto uniform = [&] { return static_cast<float>(random()) / 4294967296.0f; };
  std::vector<Example> made(static_cast<std::size_t>(count));
  for (Example& example : made) {
    example.pulse = uniform() < 0.3f;
    const int at = 8 + static_cast<int>(uniform() * 16);
    for (int i = 0; i < width; ++i) {
      const float noise = uniform() + uniform() + uniform() + uniform() - 2;
      example.signal[static_cast<std::size_t>(i)] = noise + (example.pulse && std::abs(i - at) < 3 ? 0.7f : 0.0f);
    }
  }
  return made;
}

/// Logistic regression on the signal and its squares.
struct Detector {
  std::array<float, 2 * width + 1> weights{};
  float learning_rate = 0.05f;

  float score(const Example& example) const {
    float sum = weights[2 * width];
    for (std::size_t i = 0; i < width; ++i)
      sum += weights[i] * example.signal[i] + weights[width + i] * example.signal[i] * example.signal[i];
    return sum;
  }
  /// One step of gradient descent; returns the mean loss in nats.
  double step(const Example* first, int count) {
    std::array<float, 2 * width + 1> gradient{};
    double loss = 0;
    for (int n = 0; n < count; ++n) {
      const Example& example = first[n];
      const float p = 1 / (1 + std::exp(-score(example)));
      const float error = p - (example.pulse ? 1.0f : 0.0f);
      loss -= std::log(std::max(example.pulse ? p : 1 - p, 1e-12f));
      for (std::size_t i = 0; i < width; ++i) {
        gradient[i] += error * example.signal[i];
        gradient[width + i] += error * example.signal[i] * example.signal[i];
      }
      gradient[2 * width] += error;
    }
    for (std::size_t i = 0; i < weights.size(); ++i)
      weights[i] -= learning_rate * gradient[i] / static_cast<float>(count);
    return loss / count;
  }
};

/// Area under the precision-recall curve over all scores (average precision).
double average_precision(const Detector& detector, const std::vector<Example>& data) {
  std::vector<std::pair<float, bool>> ranked;
  for (const Example& example : data) ranked.emplace_back(detector.score(example), example.pulse);
  std::sort(ranked.begin(), ranked.end(), std::greater<>());
  double found = 0, sum = 0;
  for (std::size_t i = 0; i < ranked.size(); ++i)
    if (ranked[i].second) sum += ++found / static_cast<double>(i + 1);
  return found > 0 ? sum / found : 0;
}

// The program's own checkpoint: the weights and the learning rate, then what Sidestep needs to go on, as text.

void save(const std::filesystem::path& path, const Detector& detector, const CheckpointState& state) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(&detector), sizeof detector);
  file << state.to_text();
  if (!file.flush()) throw std::runtime_error("could not write " + path.string());
}

CheckpointState load(const std::filesystem::path& path, Detector& detector) {
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(&detector), sizeof detector);
  if (!file) throw std::runtime_error("no checkpoint at " + path.string() + ": start without --resume.");
  return CheckpointState::from_text(std::string(std::istreambuf_iterator<char>(file), {}), path.string());
}

int run(const std::filesystem::path& folder, bool resume, Epoch epochs, bool longer) {
  const std::vector<Example> train = examples(train_size, 1), val = examples(val_size, 2);
  Detector detector;

  Bus bus;
  Control control;
  const std::filesystem::path checkpoints = folder / "checkpoints";
  std::filesystem::create_directories(folder);
  Loop loop =
      control.attach(bus, {.sync = lag(2),
                           .snapshot = [&](const Cut&) -> CheckpointWriter {
                             return [copy = detector](const std::filesystem::path& path, const CheckpointState& state) {
                               save(path, copy, state);
                             };
                           },
                           .folder = checkpoints,
                           .last = "last.detector",
                           .run_folder = folder});
  loop.on<ScaleLearningRate>([&](const ScaleLearningRate& scale) {
    float& rate = detector.learning_rate;
    // it never rises
    rate = std::min(rate, std::max(rate * static_cast<float>(scale.by), static_cast<float>(scale.min_lr)));
    return Outcome{.learning_rate = rate};
  });
  if (resume) {
    loop.resume(load(checkpoints / "last.detector", detector), "last.detector");
    if (const auto stop = loop.stopped_by(); stop && !longer) {
      std::printf("%s stopped this run behind step %ld (%s): nothing to do; --epochs N trains on\n", stop->by.c_str(),
                  static_cast<long>(stop->applied_step), stop->reason.c_str());
      return 0;
    }
    std::printf("resumed behind step %ld\n", static_cast<long>(loop.step()));
  }
  loop.use({model_checkpoint({.monitor = "val/mAP", .mode = Max, .file = "best.detector"}),
            early_stopping({.monitor = "val/mAP", .min_delta = 5e-4, .patience = 4, .mode = Max}),
            csv_logger("metrics.csv")});
  bus.on<CheckpointSaved>() | subscribe([](const CheckpointSaved& e) {
    std::printf("saved %s of step %ld\n", std::string(e.file.text()).c_str(), static_cast<long>(e.step));
    std::fflush(stdout);
  });

  loop.publish(FitBegin{.step = loop.step(),
                        .steps_per_epoch = batches,
                        .last_step = batches * epochs,
                        .epoch = static_cast<Epoch>(loop.step() / batches + 1),
                        .epochs = epochs});
  Nanoseconds began = Clock::steady();  // of the epoch
  while (loop.step() < batches * epochs && !loop.stopped()) {
    const Step step = loop.step() + 1;
    const auto epoch = static_cast<Epoch>((step - 1) / batches + 1);
    const auto batch = static_cast<std::int32_t>((step - 1) % batches + 1);
    if (batch == 1) loop.publish(EpochBegin{.step = step, .epoch = epoch, .batches = batches});
    const double loss = detector.step(&train[static_cast<std::size_t>(batch - 1) * batch_size], batch_size);
    loop.publish(BatchEnd{.step = step,
                          .loss = loss,
                          .learning_rate = detector.learning_rate,
                          .epoch = epoch,
                          .batch = batch,
                          .samples = batch_size});
    loop.boundary();
    if (batch < batches) continue;
    const double seconds = static_cast<double>(Clock::steady() - began) / 1e9;
    const double precision = average_precision(detector, val);
    loop.publish(Metric{.step = step, .value = precision, .metric = intern("val/mAP"), .epoch = epoch},
                 EpochEnd{.step = step, .seconds = seconds, .samples = train_size, .epoch = epoch});
    loop.boundary();
    std::printf("epoch %d: val/mAP %.6f\n", epoch, precision);
    std::fflush(stdout);
    began = Clock::steady();
  }
  if (loop.step() % batches != 0) loop.publish(EpochEnd{.step = loop.step(), .epoch = loop.epoch(), .partial = true});
  loop.finish();
  std::printf("stopped behind step %ld with val/mAP %.6f\n", static_cast<long>(loop.step()),
              average_precision(detector, val));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  bool resume = false, longer = false;
  Epoch epochs = 60;
  std::filesystem::path folder;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--resume") == 0)
      resume = true;
    else if (std::strcmp(argv[i], "--epochs") == 0 && i + 1 < argc)
      epochs = std::atoi(argv[++i]), longer = true;
    else
      folder = argv[i];
  }
  if (folder.empty()) {
    std::fprintf(stderr, "own_loop: no folder for the run was given: own_loop DIR [--resume] [--epochs N]\n");
    return 2;
  }
  try {
    return run(folder, resume, epochs, longer);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "own_loop: %s\n", error.what());
    return 2;
  }
}
