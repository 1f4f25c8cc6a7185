#include <sidestep/trainer/callbacks/registry.hpp>
#include <sidestep/trainer/command/exit_code.hpp>
#include <sidestep/trainer/command/subcommand.hpp>

namespace sidestep {
namespace {

class CallbacksCommand : public Subcommand {
 public:
  std::string name() const override { return "callbacks"; }
  std::string summary() const override { return "list callbacks, or one's options, defaults and meaning"; }
  void declare(CLI::App& app) override { app.add_option("name", callback_, "a callback's name"); }
  int run(Streams streams) override {
    const std::string text = callback_.empty() ? describe_callbacks() : describe_callback(callback_);
    streams.out << text << (text.ends_with('\n') ? "" : "\n");
    return exit_well;
  }

 private:
  std::string callback_;
};

}  // namespace

std::unique_ptr<Subcommand> callbacks_command() { return std::make_unique<CallbacksCommand>(); }

}  // namespace sidestep
