#include <sidestep/callbacks.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <vector>

using namespace sidestep;

void stops(Bus& bus, Control& control) {
  //> bus.on<BatchEnd>() | map(&BatchEnd::loss)
}

//> struct Patience {

//> struct UnfreezeBackbone {

namespace own_loop {
struct Optimizer {
  double lr = 0;
} optimizer;
struct Model {
  std::vector<float> weights;
} model;
double train_one_batch();
double mean_average_precision();
double seconds_of_this_epoch();
std::vector<Tensor> tensors(const std::vector<float>& weights);

void trains(Bus& bus, Control& control, Step last, Step batches, std::int32_t batch_size, Snapshot copy_weights) {
  //> auto loop = control.attach(bus,
}

void saves(Loop& loop) {
  //> auto copy_weights = 
}

void resumes(Loop& loop, bool longer) {
  //> loop.resume(
}
}  // namespace own_loop

namespace ahead {
void begin_on_the_device(Step step);
void publish_what_has_come(Step step);
void takes_a_step(Loop& loop, Step step, Step k, Epoch epoch, std::int32_t batch, double lr, bool all_have_come) {
  //> begin_on_the_device(step);
}
}  // namespace ahead
