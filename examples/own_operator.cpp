// An operator of your own: a struct with `out`, a call operator and `state`. It is fused like those that come with
// Sidestep.
#include <sidestep/operators.hpp>

#include <cstdio>

using namespace sidestep;

/// Lets a value through only if it is lower than all before it.
///
///   in       --3--5--2--4--1--|
///   falling
///   out      --3-----2-----1--|
struct falling {
  double best = 1e300;
  template <class In>
  using out = In;
  void operator()(double value, auto&& out) {
    if (value < best) {
      best = value;
      out(value);
    }
  }
  void state(auto& archive) { archive(best); }  // so that it may stand in a pipeline that is part of a checkpoint
};

int main() {
  Bus bus;
  bus.on<BatchEnd>() | map(&BatchEnd::loss) | falling{} |
      subscribe([](double loss) { std::printf("new best loss %.1f\n", loss); });
  auto producer = bus.producer("trainer");
  Step step = 0;
  for (const double loss : {3.0, 5.0, 2.0, 4.0, 1.0}) producer.publish(BatchEnd{.step = ++step, .loss = loss});
  bus.close();
}
