#include <sidestep/trainer/command/train.hpp>
#include <sidestep/trainer/command/train_options.hpp>

namespace sidestep {
namespace {

class TrainCommand : public Subcommand {
 public:
  std::string name() const override { return "train"; }
  std::string summary() const override { return "train a network on Fashion-MNIST or your own IDX files"; }
  std::string details() const override {
    return "Progress, logs, checkpoints, early stopping and a learning-rate drop run beside the training; naming one "
           "with --callback replaces the default of that name. On resuming, only --epochs, --max-steps, --threads, "
           "--sync, --data and --quiet may differ from the run's config.toml, which remembers what they are now. A run "
           "that is over, or was stopped by a callback, trains on only if its end moves: with more --epochs, or with a "
           "greater --max-steps if that was its limit.\n"
           "\n"
           "  sidestep train --epochs 10 --out runs/a\n"
           "  sidestep train --resume --out runs/a --epochs 20\n"
           "  sidestep train --out runs/b && sidestep log info runs/b/events.log\n"
           "  sidestep train --callback early_stopping:monitor=val/loss,patience=5\n"
           "\n"
           "Exit codes: 0 well; 2 bad input, nothing begun; 3 finished, but something failed; 4 broken off; 130 and "
           "143 "
           "interrupted, with a checkpoint.";
  }
  void declare(CLI::App& app) override { options_.declare(app); }
  int run(Streams streams) override { return run_train(options_.request(), streams); }

 private:
  TrainOptions options_;
};

}  // namespace

std::unique_ptr<Subcommand> train_command() { return std::make_unique<TrainCommand>(); }

}  // namespace sidestep
