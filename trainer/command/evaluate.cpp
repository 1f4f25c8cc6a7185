// sidestep evaluate CHECKPOINT [--data DIR]
#include <sidestep/trainer/backend.hpp>
#include <sidestep/trainer/command/exit_code.hpp>
#include <sidestep/trainer/command/subcommand.hpp>
#include <sidestep/trainer/config.hpp>
#include <sidestep/trainer/control/nearest.hpp>
#include <sidestep/trainer/control/numbers.hpp>
#include <sidestep/trainer/control/safetensors.hpp>
#include <sidestep/trainer/data/dataset.hpp>
#include <sidestep/trainer/models/model.hpp>
#include <sidestep/trainer/tensors.hpp>
#include <sidestep/trainer/trainer_state.hpp>

#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace sidestep {
namespace {

Model model_of(const TrainerState& state, const std::string& where) {
  try {
    return model_named(state.run.model);
  } catch (const ModelError& error) {
    throw CheckpointError(fmt::format("{}: {}", where, error.what()));
  }
}

kernels::NetworkSpec network_of(const Model& model, const Samples& samples) {
  try {
    return model.network({samples.channels, samples.height, samples.width});
  } catch (const ModelError& error) {
    throw ConfigError(error.what());
  }
}

/// The checkpoint names its model, so a tensor of another shape comes of images of another size.
void check_image_size(const kernels::Session& session, const SafetensorsFile& file, const std::string& checkpoint,
                      const Samples& test, const std::string& folder) {
  if (const kernels::TensorInfo* other = weight_of_another_shape(session, file))
    throw ConfigError(
        fmt::format("{}: its images are {}x{}, and {} was trained on images of another size (tensor '{}' has another "
                    "shape). Name a folder of such images with --data.",
                    folder, test.height, test.width, checkpoint, other->name));
}

/// Throws where no callback of this name has asked to keep weights.
void check_kept(const TrainerState& state, const std::string& checkpoint, const std::string& owner) {
  if (state.kept.empty())
    throw CheckpointError(fmt::format("{}: keeps no weights but its own. Measure those, without --kept.", checkpoint));
  std::vector<std::string_view> owners;
  for (const auto& [each, step] : state.kept) owners.push_back(each);
  if (!state.kept.contains(owner))
    throw CheckpointError(
        fmt::format("{}: keeps no weights for '{}'. {}", checkpoint, owner, did_you_mean(owner, owners)));
}

/// Names the checkpoint that is meant, where a run's folder was named, or its checkpoints'.
void refuse_run_folder(const std::filesystem::path& folder) {
  std::error_code failed;
  if (!std::filesystem::is_directory(folder, failed)) return;
  for (const char* name :
       {"checkpoints/best.safetensors", "checkpoints/last.safetensors", "best.safetensors", "last.safetensors"})
    if (const auto file = folder / name; std::filesystem::exists(file, failed))
      throw CheckpointError(
          fmt::format("{}: is a folder. Name a checkpoint in it: {}.", folder.string(), file.string()));
}

class EvaluateCommand : public Subcommand {
 public:
  std::string name() const override { return "evaluate"; }
  std::string summary() const override { return "measure a checkpoint on test images"; }
  std::string details() const override {
    return "The checkpoint says which model wrote it and how images are normalised.\n"
           "What early_stopping with restore_best_weights restores at the run's end lies in last.safetensors beside "
           "the "
           "weights of the last step: --kept early_stopping measures it.\n"
           "\n"
           "  sidestep evaluate runs/a/checkpoints/best.safetensors";
  }
  void declare(CLI::App& app) override {
    app.add_option("checkpoint", checkpoint_, "a run's checkpoints/best.safetensors, say")
        ->required()
        ->type_name("CHECKPOINT");
    app.add_option("--data", data_, "folder with the four IDX files, gzipped or not")
        ->type_name("DIR")
        ->default_str(fashion_mnist_folder);
    app.add_option("--kept", kept_, "the weights that this callback has kept, not those of the last step")
        ->type_name("NAME");
  }

  int run(Streams streams) override {
    refuse_run_folder(checkpoint_);
    const SafetensorsFile file = SafetensorsFile::read(checkpoint_);
    const TrainerState state = TrainerState::from_text(file.text(trainer_key), checkpoint_);
    if (!kept_.empty()) check_kept(state, checkpoint_, kept_);
    const Model model = model_of(state, checkpoint_);
    const Dataset data = fashion_mnist(data_);
    const Samples& test = data.test();
    const auto session = make_session(network_of(model, test), {});
    const TensorSource source{file, checkpoint_, model.name, kept_.empty() ? "" : kept_prefix(kept_)};
    check_image_size(*session, file, checkpoint_, test, data_);
    check_tensors(*session, source, kernels::Contents::weights);
    load_tensors(*session, source, kernels::Contents::weights);
    const auto id = session->attach({.images = test.images.data(),
                                     .labels = test.labels.data(),
                                     .count = test.count(),
                                     .mean = state.pixels.mean,
                                     .deviation = state.pixels.deviation});
    const kernels::Evaluation result = session->evaluate(id, 0, test.count());
    streams.out << fmt::format("{}: model {}, step {}\ntest  loss {:.4f}  accuracy {:.4f}  ({} images)\n", checkpoint_,
                               model.name, kept_.empty() ? state.step : state.kept.at(kept_),
                               without_sign_if_nan(result.loss), result.accuracy(), result.samples);
    return exit_well;
  }

 private:
  std::string checkpoint_;
  std::string data_ = fashion_mnist_folder;
  std::string kept_;
};

}  // namespace

std::unique_ptr<Subcommand> evaluate_command() { return std::make_unique<EvaluateCommand>(); }

}  // namespace sidestep
