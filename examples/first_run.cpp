#include <sidestep/sidestep.hpp>

#include <cstdio>

using namespace sidestep;

int main() {
  Bus bus;
  Control control;

  // A pipeline: fused at compile time into one call an event, run beside the training.
  bus.on<BatchEnd>() | every(10) | window(count(5)) | mean(&BatchEnd::loss) | observe_on(io) |
      subscribe([](double loss) { std::printf("loss %.4f\n", loss); });

  // One that decides: takes effect at a batch boundary, exactly two steps later.
  bus.on<BatchEnd>() | map(&BatchEnd::loss) | filter(not_finite) | take(1) |
      decide(control, [](double) { return Stop{"loss is not finite"}; });

  Trainer trainer{lenet(), fashion_mnist(), {.epochs = 1, .limit_train = 12'800, .seed = 1, .sync = lag(2)}};
  auto report = trainer.fit(bus, control,
                            {early_stopping({.monitor = "val/loss", .patience = 3}),
                             reduce_lr_on_plateau({.monitor = "val/loss", .patience = 1})});
  for (const auto& why : report.failed()) std::puts(why.c_str());  // a callback with a misspelt monitor, say
  std::printf("test accuracy %.3f\n", report.test->accuracy);
}
